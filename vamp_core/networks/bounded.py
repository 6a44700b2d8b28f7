"""Log-variances and log-scales within a range, with gradients that can bring them back into it."""

import keras
from keras import layers, ops


def bounded(x, low, high):
    """`ops.clip(x, low, high)` whose gradient lives on beyond the ends, where it leads back inside.

    A clip's own gradient is zero out there, so that only chance brings back what one unlucky step has
    thrown beyond an end. Here a step of gradient descent on a value beyond an end brings it nearer or,
    where it would lead further out, leaves it where it is.

    Args:
        x: a tensor of any shape (TensorFlow takes no variable here).
        low, high: numbers, the ends.

    Returns:
        A tensor of the same shape, within [low, high].
    """

    @ops.custom_gradient
    def clip(x):
        def gradient(*args, upstream=None):
            upstream = args[-1] if upstream is None else upstream  # PyTorch gives it by name, the others by place
            leads_out = ops.logical_or(
                ops.logical_and(x < low, upstream > 0),  # descent goes against the gradient
                ops.logical_and(x > high, upstream < 0),
            )
            return ops.where(leads_out, ops.zeros_like(upstream), upstream)

        return ops.clip(x, low, high), gradient

    return clip(x)


@keras.saving.register_keras_serializable(package="vamp_core")
class Bounded(layers.Layer):
    """`bounded` as a layer, for functional models."""

    def __init__(self, low, high, **kwargs):
        super().__init__(**kwargs)
        self.low, self.high = low, high

    def call(self, inputs):
        return bounded(inputs, self.low, self.high)

    def get_config(self):
        return {**super().get_config(), "low": self.low, "high": self.high}
