"""A KL term that is free up to some nats: what it does to the loss, and to nothing else."""

import keras
import numpy as np
import pytest
from tables import TABLE, table_vae

import vamp_core as vc


@pytest.mark.parametrize("free_nats", [0.0, 1e-3, 50.0])
def test_the_loss_counts_what_is_above_the_free_nats(free_nats):
    model = table_vae()
    model.compile(keras.optimizers.SGD(0.0), free_nats=free_nats)
    history = model.fit(TABLE, batch_size=len(TABLE), epochs=1, verbose=0, validation_data=(TABLE,)).history
    assert history["loss"][0] == pytest.approx(
        max(history["kl"][0], free_nats) - history["reconstruction"][0], rel=1e-5
    )
    assert history["elbo"][0] == pytest.approx(history["reconstruction"][0] - history["kl"][0], rel=1e-5)
    assert history["val_loss"][0] == pytest.approx(-history["val_elbo"][0], rel=1e-5)


@pytest.mark.thorough
def test_free_nats_leave_latents_to_carry_more():
    kl = []
    for free_nats in (0.0, 3.0):
        model = table_vae()
        model.compile(keras.optimizers.Adam(0.03), free_nats=free_nats, run_eagerly=True)
        model.fit(np.round(TABLE), epochs=15, batch_size=30, verbose=0)
        kl.append(vc.mean_elbo(model, np.round(TABLE))["kl"])
    assert kl[1] > kl[0] + 0.5


def test_free_nats_are_kept_with_the_model(tmp_path):
    model = table_vae()
    model.compile("adam", free_nats=2)
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").free_nats == 2.0


@pytest.mark.parametrize("settings", [{"free_nats": -1}, {"free_nats": "2"}, {"free_nats": 1.0, "iwae_samples": 2}])
def test_free_nats_that_cannot_be_are_refused(settings):
    with pytest.raises(vc.InputError, match="choose a number of nats"):
        table_vae().compile("adam", **settings)
    if "iwae_samples" in settings:
        with pytest.raises(vc.InputError, match="give one of the two"):
            vc.TrainingConfig(**settings)
