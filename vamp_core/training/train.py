"""Training runs that can be redone, resumed and read: from a `TrainingConfig` to a run folder.

Noise, shuffling and binarization of an epoch depend on the seed and the epoch's number alone.
A resumed run therefore needs weights and optimizer state, no more, to arrive where an
uninterrupted one would.
"""

import platform
import sys
from datetime import datetime, timezone

import keras

from vamp_core.data import load_data
from vamp_core.errors import InputError
from vamp_core.images import binarize
from vamp_core.models.objective import KLWarmup
from vamp_core.system import hardware
from vamp_core.system.devices import number_of_devices, on_devices
from vamp_core.system.hosts import by_all, check_same, several_hosts
from vamp_core.training.batches import Batches
from vamp_core.training.build import build_model, compile_model, in_float32, policy
from vamp_core.training.config import PSEUDO_INPUTS
from vamp_core.training.recorder import RunRecorder
from vamp_core.training.run_folder import RunFolder
from vamp_core.training.shared_folder import SharedFolder
from vamp_core.training.sizes import check_memory
from vamp_core.training.warm_start import warm_start
from vamp_core.version import __version__


def train(config):
    """Trains what `config` describes and writes the run folder.

    Args:
        config: a `TrainingConfig`.

    Returns:
        (model, data, folder): the trained model in float32, the `Dataset` it was evaluated on,
        and the `RunFolder`. Of several hosts the first one alone has that; on the others it is None.

    Raises:
        InputError: something in `config` or the data cannot work, raised before training starts and before an older
            run is touched; or the disk is full, or the memory, and the last finished epoch is kept.
        TrainingDiverged: the loss or a weight became NaN; the last finished epoch is kept.
    """
    devices = number_of_devices(config.devices)
    _check_devices(config, devices)
    check_same(repr(config.experiment() | {"resume": config.resume, "overwrite": config.overwrite}))
    data = by_all(lambda: load_data(config.data_set, config.data_dir))
    images, validation = _split(data, config)
    check_memory(config, images.shape[1:], devices)
    folder = SharedFolder(config) if several_hosts() else RunFolder(config)
    print(f"{data}\nRun folder: {folder.place}")
    precision = hardware.resolve_precision(config.precision)
    try:
        with on_devices(devices):
            model = _untrained(config, images, precision)
            with folder.training():
                history = _begin(model, config, folder)
                session = {"first_epoch": len(history.get("epoch", ())) + 1, "devices": devices}
                folder.begin_session(session | _made_with(precision, data))
                _fit(model, config, images, validation, folder, history)
        return in_float32(model, config, images.shape[1:]), data, folder.first if several_hosts() else folder
    except Exception as error:
        if not hardware.is_out_of_memory(error):
            raise
        other, leave_it = hardware.other_on_gpu() or (None, None)
        shared = f"{other} is loaded, too, and may hold the GPU's: call {leave_it} first, or " if other else ""
        raise InputError(
            f"There is not enough memory ({' '.join(str(error).split())[:100]}): {shared}choose a smaller "
            "--network_size, --batch_size, --latent_dim or --num_components."
        ) from error


def _check_devices(config, devices):
    """Holds the settings to the number of devices that share out each batch."""
    if config.batch_size % devices:
        fits = config.batch_size // devices * devices or devices
        raise InputError(
            f"--batch_size is {config.batch_size}, which {devices} devices cannot share alike: choose a multiple of "
            f"{devices}, for instance {fits}."
        )
    if devices > 1 and config.jit == "on" and keras.backend.backend() == "tensorflow":
        raise InputError(
            f"--jit is on, but with TensorFlow the {devices} devices train without XLA: leave it at auto, or set "
            "KERAS_BACKEND to jax."
        )


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
    if config.prior in PSEUDO_INPUTS and config.num_components > len(images):
        raise InputError(
            f"--num_components is {config.num_components}, but there are only {len(images)} training images "
            f"to start pseudo-inputs at: choose at most {len(images)}."
        )
    # Test and validation images are binarized once in either case, so that epochs compare.
    if config.binarize != "none":
        validation = binarize(validation, [config.seed, 1])
    if config.binarize == "static":
        images = binarize(images, [config.seed, 0])
    return images, validation


def _untrained(config, images, precision):
    """The compiled model that `config` describes, a VampPrior's pseudo-inputs at random training images."""
    with policy(precision):
        model = build_model(config, images.shape[1:])
        compile_model(model, config, steps_per_epoch=-(-len(images) // config.batch_size))
    if config.prior in PSEUDO_INPUTS:
        model.prior.adapt(images, seed=config.seed)
    return model


def _begin(model, config, folder):
    """Brings the model to where the training begins, at a checkpoint or a trained model; returns the history so far."""
    history = folder.load_checkpoint(model)
    if config.start_from and not history:
        warm_start(model, config.start_from)
    return history


def _fit(model, config, images, validation, folder, history):
    """Trains what is left to train, and leaves the model at its last or, under early stopping, its best weights."""
    batches = Batches(images, config.batch_size, config.seed, redraw=config.binarize == "dynamic")
    recorder = RunRecorder(folder, batches, config, history)
    warmup = [KLWarmup(config.warmup_epochs)] if config.warmup_epochs else []
    epochs_done = recorder.epochs_done()
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
    recorder.check_end()
    if config.early_stopping:
        folder.load_best(model, recorder.history)


def _made_with(precision, data):
    """What besides the settings decides a result: versions, device, precision, data."""
    backend = keras.backend.backend()
    # The modules' own, since TensorFlow is installed under several names.
    versions = {name: sys.modules[name].__version__ for name in ("keras", backend, "numpy")}
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "device": hardware.device_name(),
        "precision": precision,
        "backend": backend,
        "python": platform.python_version(),
        "versions": {"vamp_core": __version__, **versions},
        "data": f"{data.name}: {len(data.x_train):,} training and {len(data.x_test):,} test images",
    }
