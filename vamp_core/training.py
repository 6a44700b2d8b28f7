"""Training runs that can be redone, resumed and read: from a `TrainingConfig` to a run folder.

Noise, shuffling and binarization of an epoch depend on the seed and the epoch's number alone.
A resumed run therefore needs weights and optimizer state, no more, to arrive where an
uninterrupted one would.
"""

import contextlib
import platform
import sys
import time
from datetime import datetime, timezone
from importlib.metadata import version

import keras
import numpy as np
from keras import ops

from vamp_core import hardware
from vamp_core.data import binarize, load_data
from vamp_core.errors import InputError
from vamp_core.gated_networks import GATED
from vamp_core.likelihoods import LIKELIHOODS
from vamp_core.losses import KLWarmup
from vamp_core.models import MODELS
from vamp_core.priors import MixtureOfGaussians, VampPrior
from vamp_core.run_folder import RunFolder
from vamp_core.warm_start import warm_start


class TrainingDiverged(RuntimeError):
    """The loss became NaN or infinite; the last finished epoch is kept."""


class Batches(keras.utils.PyDataset):
    """Shuffled batches of images, in an order (and with ink) that the seed and the epoch decide.

    Args:
        images: (N, H, W, C) float32.
        batch_size: images per batch; the last one may be smaller.
        seed: an integer.
        redraw: binarize afresh in each epoch ("dynamic binarization").
    """

    def __init__(self, images, batch_size, seed, redraw=False):
        # With two workers Keras fetches ahead itself. Else it has tf.data do so, whose tuning thread it waits for after
        # each epoch: up to as long as the epoch took, in TensorFlow 2.21.
        super().__init__(workers=2)
        self.images, self.batch_size, self.seed, self.redraw = images, batch_size, seed, redraw
        self.begin_epoch(0)

    def begin_epoch(self, epoch):
        self.epoch = epoch
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.images))

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images = self.images[chosen]
        return (binarize(images, [self.seed, self.epoch, index]) if self.redraw else images,)


class RunRecorder(keras.callbacks.Callback):
    """Seeds each epoch, and after it writes history and checkpoint; stops early, and when the loss is lost."""

    def __init__(self, folder, batches, config, history):
        super().__init__()
        self.folder, self.batches, self.config, self.history = folder, batches, config, history

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()
        self.batches.begin_epoch(epoch)
        noise = np.random.default_rng([self.config.seed, epoch, 1]).integers(2**31, size=2)
        self.model.seed_generator.state.assign(noise)

    def on_train_batch_end(self, batch, logs=None):
        if not np.isfinite(logs["loss"]):
            epochs = len(self.history.get("epoch", ()))
            raise TrainingDiverged(
                f"The loss became {logs['loss']} in step {batch + 1} of epoch {epochs + 1}: "
                f"{epochs} finished epochs are kept in {self.folder.path}; "
                f"try a --lr below {self.config.lr:g}, a --clip_norm or --precision float32."
            )

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["learning_rate"] = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["beta"] = float(ops.convert_to_numpy(self.model.beta))
        row["seconds"] = round(time.perf_counter() - self.started, 2)
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)
        self.folder.write_history(self.history)
        if self.config.early_stopping and np.argmin(self.history["val_loss"]) == epoch:
            self.folder.save_best(self.model)
        self.folder.save_checkpoint(self.model, epoch + 1)
        if self.patience_is_over():
            self.model.stop_training = True

    def patience_is_over(self):
        """Whether the validation loss has not become better for `early_stopping` epochs."""
        losses = self.history.get("val_loss", ())
        patience = self.config.early_stopping
        return bool(patience and len(losses)) and len(losses) - 1 - int(np.argmin(losses)) >= patience


@contextlib.contextmanager
def policy(precision):
    """Keras's dtype policy for the networks that are built inside the block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build_model(config, image_shape):
    """The untrained model that a configuration describes, with weights seeded by `config.seed`."""
    keras.utils.set_random_seed(config.seed)
    prior = {
        "standard": lambda: "standard",
        "mog": lambda: MixtureOfGaussians(config.num_components, seed=config.seed),
        "vamp": lambda: VampPrior(config.num_components, value_range=(0.0, 1.0)),
        "vamp_data": lambda: VampPrior(config.num_components, trainable=False, value_range=(0.0, 1.0)),
    }[config.prior]()
    shared = dict(prior=prior, likelihood=config.likelihood, seed=config.seed)
    if config.network != "conv":
        parameters = LIKELIHOODS[config.likelihood].parameters
        networks = GATED[config.network](config.model, image_shape, config.latent_dim, parameters, config.logvar_range)
        return MODELS[config.model](**networks, **shared)
    return MODELS[config.model](
        image_shape=image_shape,
        latent_dim=config.latent_dim,
        network_size=config.network_size,
        activation=config.activation,
        encoder_trunk=config.encoder_trunk,
        decoder_trunk=config.decoder_trunk,
        logvar_range=config.logvar_range,
        latent_gain=config.latent_gain,
        **shared,
    )


def train(config):
    """Trains what `config` describes and writes the run folder.

    Args:
        config: a `TrainingConfig`.

    Returns:
        (model, data, folder): the trained model in float32, the `Dataset` it was evaluated on,
        and the `RunFolder`.

    Raises:
        InputError: something in `config` or the data cannot work; raised before training starts.
        TrainingDiverged: the loss became NaN; the last finished epoch is kept.
    """
    data = load_data(config.data_set, config.data_dir)
    images, validation = _split(data, config)
    uses_pseudo_inputs = config.prior in ("vamp", "vamp_data")
    if uses_pseudo_inputs and config.num_components > len(images):
        raise InputError(
            f"--num_components is {config.num_components}, but there are only {len(images)} training images "
            f"to start pseudo-inputs at: choose at most {len(images)}."
        )
    folder = RunFolder(config)
    print(f"{data}\nRun folder: {folder.path}")
    hardware.exact_float32_products()
    precision = hardware.resolve_precision(config.precision)
    with policy(precision):
        model = build_model(config, images.shape[1:])
    _compile(model, config, steps_per_epoch=-(-len(images) // config.batch_size))
    if uses_pseudo_inputs:
        model.prior.adapt(images, seed=config.seed)
    epochs_done = folder.load_checkpoint(model)
    if config.start_from and not epochs_done:
        warm_start(model, config.start_from)
    folder.begin_session(config, {"first_epoch": epochs_done + 1, **_made_with(precision, data)})

    batches = Batches(images, config.batch_size, config.seed, redraw=config.binarize == "dynamic")
    recorder = RunRecorder(folder, batches, config, folder.read_history(epochs_done))
    warmup = [KLWarmup(config.warmup_epochs)] if config.warmup_epochs else []
    model.fit(
        batches,
        epochs=epochs_done if recorder.patience_is_over() else config.epochs,
        initial_epoch=epochs_done,
        validation_data=(validation,),
        validation_batch_size=1000,
        shuffle=False,  # `Batches` shuffles, by seed and epoch
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[*warmup, recorder],
    )
    if config.early_stopping:
        model.load_weights(folder.best_weights)
    return _in_float32(model, config, images.shape[1:]), data, folder


def _split(data, config):
    """Training and validation images as the configuration wants them, binarized where it is static."""
    held_out = config.validation_images
    if held_out >= len(data.x_train):
        raise InputError(
            f"--validation_images is {held_out}, but there are only {len(data.x_train)} training images: "
            "hold out fewer."
        )
    images, validation = data.x_train, data.x_test
    if held_out:
        images, validation = images[:-held_out], images[-held_out:]
    # Test and validation images are binarized once in either case, so that epochs compare.
    if config.binarize != "none":
        validation = binarize(validation, [config.seed, 1])
    if config.binarize == "static":
        images = binarize(images, [config.seed, 0])
    return images, validation


def _compile(model, config, steps_per_epoch):
    rate, warmup = config.lr, config.lr_warmup_epochs * steps_per_epoch
    if config.lr_schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else config.lr,
            decay_steps=config.epochs * steps_per_epoch - warmup,
            warmup_target=config.lr if warmup else None,
            warmup_steps=warmup,
        )
    elif warmup:
        rate = keras.optimizers.schedules.PolynomialDecay(0.0, warmup, end_learning_rate=config.lr)
    if config.jit == "on":
        model.supports_jit = True
    model.compile(
        optimizer=keras.optimizers.Adam(rate, global_clipnorm=config.clip_norm or None),
        iwae_samples=config.iwae_samples,
        jit_compile={"auto": "auto", "on": True, "off": False}[config.jit],
    )


def _in_float32(model, config, image_shape):
    """The same model with float32 networks: numbers that are published do not depend on the training's precision."""
    with policy("float32"):
        twin = build_model(config, image_shape)
    twin.set_weights(model.get_weights())
    return twin


def _made_with(precision, data):
    """What besides the settings decides a result: versions, device, precision, data."""
    backend = keras.backend.backend()
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "device": hardware.device_name(),
        "precision": precision,
        "backend": backend,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("vamp_core", "keras", backend, "numpy")},
        "data": f"{data.name}: {len(data.x_train):,} training and {len(data.x_test):,} test images",
    }
