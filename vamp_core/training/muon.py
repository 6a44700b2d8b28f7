"""Muon for square matrices: their steps go alike in all directions, however large the gradient in each."""

import keras
from keras import ops

from vamp_core.system import hardware
from vamp_core.training.adam import Adam

MOMENTUM = 0.95
# Of the polynomial a s + b s³ + c s⁵ that takes singular values in (0, 1] to some near one (Jordan et al. 2024).
POLYNOMIAL = (3.4445, -4.7750, 2.0315)
PRODUCTS = 5  # how many times it is applied
# Size of a step's entries as a root mean square, so that Adam's learning rate suits (Liu et al. 2025, section 2.2).
STEP = 0.2


@keras.saving.register_keras_serializable(package="vamp_core")
class Muon(Adam):
    """Muon (Jordan et al. 2024) for square matrices, `Adam` for all other weights, with one learning rate.

    Square matrices are the dense layers between hidden layers. Of their momentum, a matrix with singular values
    s and vectors U, V, the step keeps U Vᵀ and makes all s about one, by a polynomial's repeated products.
    Wider matrices are left to Adam for the time that the products take.

    Args:
        learning_rate: as for `keras.optimizers.Adam`.
        **kwargs: as for `keras.optimizers.Adam`.
    """

    def update_step(self, gradient, variable, learning_rate):
        if not is_square(variable):
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self._momentums[self._get_variable_index(variable)]
        self.assign(momentum, MOMENTUM * momentum + gradient)
        step = orthogonal(gradient + MOMENTUM * momentum)  # a look ahead, after Nesterov
        scale = STEP * variable.shape[0] ** 0.5
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * scale * ops.cast(step, variable.dtype))


def is_square(variable):
    """Whether Muon is for this weight."""
    return len(variable.shape) == 2 and variable.shape[0] == variable.shape[1]


def orthogonal(matrix):
    """(n, n) with the singular vectors of `matrix`, and singular values of 0.6 to 1.3 unless they were tiny."""
    a, b, c = POLYNOMIAL
    x = matrix / (ops.norm(matrix) + 1e-12)
    # Rounding is of no consequence here: the next step sees the rest.
    x = ops.cast(x, "bfloat16" if hardware.resolve_precision("auto") == "mixed_bfloat16" else "float32")
    for _ in range(PRODUCTS):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return x


OPTIMIZERS = {"adam": Adam, "muon": Muon}
