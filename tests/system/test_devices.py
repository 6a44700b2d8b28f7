"""However many devices share out the batches: one loss, one step, one set of weights, but noise for each image."""

import keras
import numpy as np
import pytest
import virtual_devices

import vamp_core as vc
from vamp_core.system import devices

each_backend = pytest.mark.parametrize("backend", ["tensorflow", "jax"])

# Without noise, since that is the one thing that may differ. The last batches hold one image and five: of four devices
# three get none, and one. Of eight pseudo-inputs each takes two through the encoder, of seven all of them.
STEPS = """
import keras, numpy as np, vamp_core as vc
from vamp_core.models import hvae, vae
vae.normal_sample = hvae.normal_sample = lambda mean, logvar, seed: mean
images = np.random.default_rng(0).random((25, 8, 8, 1), dtype="float32")

def vae_of(prior):
    x = keras.Input((8, 8, 1))
    encoder = keras.Model(x, vc.networks.normal_heads(keras.layers.Flatten()(x), 2))
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    return vc.VAE(encoder=encoder, decoder=decoder, prior=prior, seed=0)

cases = {
    "convolutions": (21, {}, lambda: vc.VAE(image_shape=(8, 8, 1), network_size=0.125, prior=vc.VampPrior(8))),
    "samples": (25, {"iwae_samples": 3}, lambda: vae_of(vc.VampPrior(7))),
    "free nats": (25, {"free_nats": 0.3}, lambda: vae_of(vc.VampPrior(8))),
    "turns": (25, {}, lambda: vae_of(vc.VampPrior(8, turns=2))),
    "turns of three": (25, {}, lambda: vae_of(vc.VampPrior(6, turns=2))),
}
results = {}
with vc.on_devices(int(sys.argv[1])) as count:
    assert count == int(sys.argv[1])
    for name, (size, objective, make) in cases.items():
        keras.utils.set_random_seed(0)
        model = make()
        model.compile(keras.optimizers.SGD(0.01), **objective)
        history = model.fit(images[:size], batch_size=20, epochs=2, shuffle=False, verbose=0,
                            validation_data=(images[:size],), callbacks=[vc.KLWarmup(2)]).history
        results |= {f"{name} {number}": weight for number, weight in enumerate(model.get_weights())}
        results |= {f"{name} {column}": values for column, values in history.items()}
        results[f"{name} elbo"] = model.elbo(images[:5]).elbo
        values = model.prior.pseudo_inputs.value
        copies = getattr(values, "values", None) or [each.data for each in getattr(values, "addressable_shards", [])]
        results[f"{name} kinds"] = len({np.asarray(copy).tobytes() for copy in copies or [values]})
np.savez(sys.argv[2], **results)
"""


@pytest.mark.thorough
@each_backend
def test_several_devices_take_the_steps_of_one(backend, tmp_path):
    pytest.importorskip(backend)
    expected, found = (virtual_devices.run(STEPS, count, backend, tmp_path) for count in (1, 4))
    for name, values in expected.items():  # "kinds" counts how many different pseudo-inputs the devices have
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


TOGETHER = """
import numpy as np, vamp_core as vc
images = np.zeros((8, 8, 8, 1), "float32")
with vc.on_devices("all"):
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.125)
    told = ""
    try:
        model.compile("sgd", steps_per_execution=2)
        model.fit(images, batch_size=4, verbose=0)
    except vc.InputError as error:
        told = str(error)
np.savez(sys.argv[2], told=told)
"""


@pytest.mark.thorough
@each_backend
def test_steps_taken_together_are_refused_where_tensorflow_would_fail(backend, tmp_path):
    pytest.importorskip(backend)
    told = str(virtual_devices.run(TOGETHER, 2, backend, tmp_path)["told"])
    assert told == "" if backend == "jax" else told.startswith("steps_per_execution is 2, with which TensorFlow cannot")


NOISE = """
import keras, numpy as np, vamp_core as vc
keras.utils.set_random_seed(0)
image = np.repeat(np.random.default_rng(0).random((1, 8, 8, 1), dtype="float32"), 20, axis=0)
with vc.on_devices("all"):
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.25, seed=0)
    model.compile("adam")
    found = [model.predict(image, batch_size=20, verbose=0) for _ in range(2)]
np.savez(sys.argv[2], terms=[[*first, *second] for first, second in zip(*found)])
"""


@pytest.mark.thorough
@each_backend
def test_each_image_has_noise_of_its_own(backend, tmp_path):
    pytest.importorskip(backend)
    terms = virtual_devices.run(NOISE, 4, backend, tmp_path)["terms"]
    # Both terms, since one of two noises may round to the same float.
    assert len(np.unique(terms, axis=1).T) == 40


@pytest.mark.parametrize(
    ("asked", "backend", "seen", "message"),
    [
        (4, "tensorflow", ["gpu:0", "gpu:1", "cpu:0"], "devices is 4, but TensorFlow sees 2 GPUs: choose at most 2"),
        (2, "jax", ["cpu:0"], "devices is 2, but JAX sees 1 CPU: choose at most 1, or all."),
        (2, "torch", ["cpu:0"], "devices is 2, but with PyTorch Keras trains on one: choose 1, or set KERAS_BACKEND"),
        ("all", "torch", ["cpu:0"], "devices is all, but with PyTorch"),
        (0, "tensorflow", ["cpu:0"], "devices is 0; choose a whole number"),
        ("two", "tensorflow", ["cpu:0"], "devices is 'two'; choose a whole number"),
        (True, "tensorflow", ["cpu:0"], "devices is True; choose a whole number"),
    ],
)
def test_devices_that_there_are_not(asked, backend, seen, message, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: seen)
    with pytest.raises(vc.InputError, match=message) as caught, vc.on_devices(asked):
        pass
    assert "\n" not in str(caught.value)


def test_all_are_the_gpus_where_there_are_any(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0", "gpu:0", "gpu:1"])
    assert devices.number_of_devices("all") == 2


def test_on_one_device_nothing_changes(monkeypatch):
    monkeypatch.delattr(keras.distribution, "list_devices")  # which fails on PyTorch
    values = keras.ops.convert_to_tensor(np.float32([1, 2, 6]))
    with vc.on_devices(1) as count:
        assert count == 1 and not devices.has_replicas()
        assert devices.shared_out(values) is values
        assert float(devices.share_of_loss(devices.mean_over_batch(values))) == 3
    noise, own = keras.random.SeedGenerator(3), devices.Noise(3)
    for _ in range(2):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(own.next()), keras.ops.convert_to_numpy(noise.next()))
