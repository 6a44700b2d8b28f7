"""Muon: steps of the same length in all directions of a kernel, however much the gradient differs between them."""

import math

import keras
from keras import ops

from vamp_core.training.adam import Adam

MOMENTUM = 0.95
# Of the polynomial a s + b s³ + c s⁵ that takes singular values in (0, 1] to some near one (Jordan et al. 2024).
POLYNOMIAL = (3.4445, -4.7750, 2.0315)
PRODUCTS = 5  # how many times it is applied
# Size of a step's entries as a root mean square, so that Adam's learning rate suits (Liu et al. 2025, section 2.2).
STEP = 0.2
NARROWEST = 64  # Dense layers from or to fewer units, such as latents, have little to make orthogonal.


@keras.saving.register_keras_serializable(package="vamp_core")
class Muon(Adam):
    """Muon (Jordan et al. 2024) for kernels, `Adam` for all other weights, with one learning rate.

    The momentum of a kernel, a running sum of its gradients, is a matrix M = U S Vᵀ. The step goes along U Vᵀ: in the
    same directions, but all about equally far. `orthogonal` comes near it by products of M, without a decomposition.
    The kernel of a convolution over images is a matrix between its patches and its channels. Dense layers with fewer
    than 64 rows or columns, such as those to and from the latents, are left to Adam, and so are biases and
    pseudo-inputs.

    The products are in bfloat16 where Keras's dtype policy is mixed_bfloat16 when the optimizer is made, else in
    float32. (`keras.optimizers.Muon` takes all weights with two axes, pseudo-inputs of flat data among them, but no
    convolutions.)

    Args:
        learning_rate: as for `keras.optimizers.Adam`.
        weight_decay: of the kernels with such steps, and of no other weight; None for none.
        **kwargs: as for `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate=0.001, weight_decay=0.1, **kwargs):
        super().__init__(learning_rate, weight_decay=weight_decay, **kwargs)
        half = keras.config.dtype_policy().compute_dtype == "bfloat16"
        self.dtype_of_products = "bfloat16" if half else "float32"

    def build(self, variables):
        if not self.built:
            # Here, since TensorFlow hands its own variables to `update_step`, which have other names.
            self._orthogonal = {self._var_key(variable) for variable in variables if is_for(variable)}
        super().build(variables)

    def _apply_weight_decay(self, variables):
        if any(map(self._use_weight_decay, variables)):  # Keras fails on PyTorch where there is none
            super()._apply_weight_decay(variables)

    def _use_weight_decay(self, variable):
        return self._var_key(variable) in self._orthogonal and super()._use_weight_decay(variable)

    def update_step(self, gradient, variable, learning_rate):
        if self._var_key(variable) not in self._orthogonal:
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self._momentums[self._get_variable_index(variable)]
        self.assign(momentum, MOMENTUM * momentum + gradient)
        ahead = ops.cast(gradient + MOMENTUM * momentum, self.dtype_of_products)  # after Nesterov
        # The last axis of a convolution's kernel are channels; the others make a patch on its other side.
        matrix = ops.reshape(ahead, (-1, variable.shape[-1]))
        step = ops.cast(STEP * max(matrix.shape) ** 0.5 * learning_rate, matrix.dtype) * orthogonal(matrix)
        self.assign_sub(variable, ops.reshape(ops.cast(step, variable.dtype), variable.shape))


def is_for(variable):
    """Whether a weight, as Keras has it, is given orthogonal steps."""
    shape = variable.shape
    if variable.name != "kernel" or len(shape) not in (2, 4):
        return False
    return min(math.prod(shape[:-1]), shape[-1]) >= (NARROWEST if len(shape) == 2 else 2)


def orthogonal(matrix):
    """(m, n) with the singular vectors of `matrix`, and singular values of 0.6 to 1.5 unless they were tiny.

    By products in the dtype of `matrix`. The rounding of bfloat16 is of no consequence: the next step sees the rest.
    """
    a, b, c = POLYNOMIAL
    (short, long), tall = sorted(matrix.shape), matrix.shape[0] > matrix.shape[1]
    identity = ops.eye(short, dtype=matrix.dtype)

    def square_of(matrix):
        """Whose eigenvalues are s², on the shorter side, where products are smaller."""
        return ops.matmul(ops.transpose(matrix), matrix) if tall else ops.matmul(matrix, ops.transpose(matrix))

    square = square_of(matrix)
    norm = ops.sqrt(ops.trace(ops.cast(square, "float32"))) + 1e-12  # no singular value is above it
    shrink = ops.cast(1 / norm, matrix.dtype)
    matrix, square = shrink * matrix, shrink * (shrink * square)
    # Of an oblong matrix the long side is multiplied less often: several polynomials make one factor, but no more
    # than three, since bfloat16 loses what small s² stand beside large ones.
    groups = (2, 3) if long > 2 * short else PRODUCTS * (1,)
    for group, count in enumerate(groups):
        square = square_of(matrix) if group else square
        factor = polynomial = a * identity + b * square + c * ops.matmul(square, square)
        for _ in range(count - 1):
            square = ops.matmul(ops.matmul(polynomial, square), polynomial)
            polynomial = a * identity + b * square + c * ops.matmul(square, square)
            factor = ops.matmul(factor, polynomial)
        matrix = ops.matmul(matrix, factor) if tall else ops.matmul(factor, matrix)
    return matrix


OPTIMIZERS = {
    "adam": Adam if keras.backend.backend() == "tensorflow" else keras.optimizers.Adam,
    "muon": Muon,
}
