"""The curve of a loss: right epochs, right run, whatever `fit` gave back."""

import keras
import numpy as np
import pytest

from vamp_core import plots
from vamp_core.errors import InputError


def test_loss_history_draws_test_dashed_in_the_colour_of_its_run_and_leaves_the_first_epochs_out_of_sight():
    falling = list(140 + 400 * np.exp(-np.arange(50.0)))
    histories = {"VAE": {"loss": falling, "val_loss": falling}, "HVAE": {"loss": falling}}
    figure = plots.loss_history(histories)
    train, test, other = figure.axes[0].lines[0], figure.axes[0].lines[1], figure.axes[0].lines[2]
    assert (train.get_linestyle(), test.get_linestyle()) == ("-", "--")
    assert train.get_color() == test.get_color() != other.get_color()
    assert (train.get_xdata()[0], train.get_ydata()[0]) == (1, 540)
    low, high = figure.axes[0].get_ylim()
    assert low < 140 < high < 145
    assert figure.axes[0].get_ylabel() == "−ELBO (nats)"


def validation_epochs(history, **kwargs):
    return list(plots.loss_history(history, **kwargs).axes[0].lines[1].get_xdata())


def test_validation_every_few_epochs_is_drawn_at_those_epochs():
    assert validation_epochs({"run": {"loss": [4, 3, 2, 1], "val_loss": [3.5, 1.5]}}) == [2, 4]
    assert validation_epochs({"run": {"loss": np.arange(10.0), "val_loss": np.arange(3.0)}}) == [3, 6, 9]
    once = {"run": {"loss": [3, 2, 1], "val_loss": [2]}}
    with pytest.raises(InputError, match="pass validation_freq"):
        validation_epochs(once)  # every 2 or every 3?
    assert validation_epochs(once, validation_freq=2) == [2]
    assert validation_epochs(once, validation_freq=[1, 7]) == [1]
    with pytest.raises(InputError, match="pass validation_freq"):
        validation_epochs(once, validation_freq=1)


def test_what_fit_returns_is_drawn_as_it_is_named_or_not():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 1))
    kwargs = {"validation_data": (x, x), "validation_freq": 2, "verbose": 0}
    history = model.fit(x, x, epochs=9, initial_epoch=3, **kwargs)
    for given in (history, {"run": history}):
        assert list(plots.loss_history(given).axes[0].lines[0].get_xdata()) == [4, 5, 6, 7, 8, 9]
        assert validation_epochs(given) == [4, 6, 8]
    assert validation_epochs({"loss": [4, 3, 2, 1], "val_loss": [3.5, 1.5]}) == [2, 4]
    assert len(plots.loss_history(history).legends[0].get_texts()) == 2  # train, validation
    from_a_file = {"epoch": [5.0, 6.0], "loss": [2.0, 1.0], "val_loss": [2.0, 1.5]}  # of a RunFolder
    assert validation_epochs({"run": from_a_file}) == [5, 6]


@pytest.mark.parametrize("losses", [[200.0], [float("nan")] * 3])
def test_loss_history_draws_a_single_epoch_and_a_run_that_diverged(losses):
    plots.loss_history({"VAE": {"loss": losses}})


@pytest.mark.parametrize("draw", [
    lambda: plots.loss_history({"VAE": {"loss": [1.0]}}, quantity="kl"),
    lambda: plots.loss_history({"loss": [1.0]}, quantity="kl"),
    lambda: plots.loss_history({}),
    lambda: plots.loss_history(None),
    lambda: plots.loss_history({"VAE": {"loss": [1.0]}, "HVAE": [1.0]}),
])  # fmt: skip
def test_what_is_no_history_is_refused_in_words(draw):
    with pytest.raises(InputError, match=": |; "):
        draw()
