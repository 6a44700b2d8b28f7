"""`bounded` is a clip in its values, and in its gradient a projection onto what leads back inside."""

import keras
import numpy as np
import pytest
from gradients import value_and_gradients
from keras import layers, ops

from vamp_core.networks.bounded import Bounded, bounded
from vamp_core.networks.convolutional import conv_encoder

LOW, HIGH = -2.0, 3.0
AT = np.float32([-1e9, -2.5, -2.0, 0.0, 2.5, 3.0, 3.5, 1e9])


def test_values_are_those_of_a_clip():
    assert np.array_equal(ops.convert_to_numpy(bounded(AT, LOW, HIGH)), np.clip(AT, LOW, HIGH))


@pytest.mark.parametrize("slope", [2.0, -2.0])
def test_beyond_an_end_only_gradients_that_lead_back_are_passed(slope):
    x = keras.Variable(AT)
    value, (gradient,) = value_and_gradients(lambda: slope * ops.sum(bounded(1.0 * x, LOW, HIGH)), [x])
    assert value == slope * np.clip(AT, LOW, HIGH).sum()
    # Descent goes down where the slope is positive: from below that leads further out, from above back in.
    leads_out = AT < LOW if slope > 0 else AT > HIGH
    assert np.array_equal(gradient, np.where(leads_out, 0, slope))


@pytest.mark.parametrize("start", [-4.0, 6.0])
def test_descent_brings_values_back_from_beyond_and_does_not_wind_up(start):
    """To where the best value within the range is, from either side, and without drifting away at the ends."""
    best = np.float32([-5.0, 0.5, 5.0])  # two of the three lie beyond the ends
    x = keras.Variable(np.full(3, start, "float32"))

    def squared_distance():
        return ops.sum(ops.square(bounded(1.0 * x, LOW, HIGH) - ops.convert_to_tensor(best)))

    for _ in range(300):
        _, (gradient,) = value_and_gradients(squared_distance, [x])
        x.assign(ops.convert_to_numpy(x) - 0.02 * gradient)
    within = np.clip(best, LOW, HIGH)
    assert np.allclose(ops.convert_to_numpy(bounded(1.0 * x, LOW, HIGH)), within, atol=1e-3)
    assert np.all(np.abs(ops.convert_to_numpy(x) - within) <= max(abs(start - within)))


def test_a_posterior_far_too_wide_is_told_so():
    """Its KL term falls with its width, so the gradient must reach the head that gives the log-variance."""
    encoder = conv_encoder((8, 8, 1), 2, 1)
    bias = encoder.get_layer("logvar").bias
    bias.assign([100.0, -100.0])
    images = np.zeros((4, 8, 8, 1), "float32")

    def kl():
        mean, logvar = encoder(images)
        return ops.sum(ops.square(mean) + ops.exp(logvar) - logvar) / 2

    _, (gradient,) = value_and_gradients(kl, [bias])
    assert np.allclose(gradient, [4 * (np.exp(2) - 1) / 2, 4 * (np.exp(-6) - 1) / 2], rtol=1e-5)


def test_the_layer_is_saved_with_its_ends(tmp_path):
    inputs = keras.Input((3,))
    network = keras.Model(inputs, Bounded(LOW, HIGH)(layers.Rescaling(10.0)(inputs)))
    network.save(tmp_path / "network.keras")
    x = np.float32([[-1.0, 0.1, 1.0]])
    assert np.array_equal(ops.convert_to_numpy(keras.saving.load_model(tmp_path / "network.keras")(x)), [[-2, 1, 3]])
