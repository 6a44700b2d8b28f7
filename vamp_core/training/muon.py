"""Muon for dense layers: their steps go alike in all directions, however large the gradient in each."""

import functools

import keras
from keras import ops

from vamp_core.training.adam import Adam

MOMENTUM = 0.95
# Of the polynomial a s + b s³ + c s⁵ that takes singular values in (0, 1] to some near one (Jordan et al. 2024).
POLYNOMIAL = (3.4445, -4.7750, 2.0315)
PRODUCTS = 5  # how many times it is applied
# Size of a step's entries as a root mean square, so that Adam's learning rate suits (Liu et al. 2025, section 2.2).
STEP = 0.2
NARROWEST = 64  # Layers from or to fewer units than that, such as latents, have little to make orthogonal.


@keras.saving.register_keras_serializable(package="vamp_core")
class Muon(Adam):
    """Muon (Jordan et al. 2024) for dense layers, `Adam` for all other weights, with one learning rate.

    Of the momentum of a dense layer's kernel, a matrix with singular values s and vectors U, V, the step keeps U Vᵀ
    and makes all s about one, by a polynomial's repeated products. Kernels with fewer than 64 rows or columns, such
    as those to and from the latents, are left to Adam, and so are convolutions, biases and pseudo-inputs.

    The products are in bfloat16 where Keras's dtype policy is mixed_bfloat16 when the optimizer is made, else in
    float32. (`keras.optimizers.Muon` takes all matrices of a model, pseudo-inputs among them, and decays weights.)

    Args:
        learning_rate: as for `keras.optimizers.Adam`.
        wide: for oblong kernels, too, not for square ones alone. Their products take longer.
        **kwargs: as for `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate=0.001, wide=False, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.wide = wide
        half = keras.config.dtype_policy().compute_dtype == "bfloat16"
        self.dtype_of_products = "bfloat16" if half else "float32"

    def build(self, variables):
        super().build(variables)
        # Here, since TensorFlow hands its own variables to `update_step`, which have other names.
        self._orthogonal = {self._var_key(variable) for variable in variables if self.is_for(variable)}

    def is_for(self, variable):
        """Whether a weight, as Keras has it, is given orthogonal steps."""
        if variable.name != "kernel" or len(variable.shape) != 2 or min(variable.shape) < NARROWEST:
            return False
        return self.wide or variable.shape[0] == variable.shape[1]

    def update_step(self, gradient, variable, learning_rate):
        if self._var_key(variable) not in self._orthogonal:
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self._momentums[self._get_variable_index(variable)]
        self.assign(momentum, MOMENTUM * momentum + gradient)
        ahead = gradient + MOMENTUM * momentum  # after Nesterov
        step = ops.cast(orthogonal(ahead, self.dtype_of_products), variable.dtype)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * STEP * max(variable.shape) ** 0.5 * step)

    def get_config(self):
        return {**super().get_config(), "wide": self.wide}


def orthogonal(matrix, dtype="float32"):
    """(m, n) with the singular vectors of `matrix`, and singular values of 0.6 to 1.3 unless they were tiny.

    By products in `dtype`. The rounding of bfloat16 is of no consequence: the next step sees the rest.
    """
    a, b, c = POLYNOMIAL
    x = ops.cast(matrix / (ops.norm(matrix) + 1e-12), dtype)
    tall = x.shape[0] > x.shape[1]
    linear = a * ops.eye(min(x.shape), dtype=dtype)
    for _ in range(PRODUCTS):
        # On the shorter side, where products are smaller.
        square = ops.matmul(ops.transpose(x), x) if tall else ops.matmul(x, ops.transpose(x))
        factor = linear + b * square + c * ops.matmul(square, square)
        x = ops.matmul(x, factor) if tall else ops.matmul(factor, x)
    return x


OPTIMIZERS = {
    "adam": Adam if keras.backend.backend() == "tensorflow" else keras.optimizers.Adam,
    "muon": Muon,
    "muon_wide": functools.partial(Muon, wide=True),
}
