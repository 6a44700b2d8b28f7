"""All settings of a training run, each with its default, its help and what it is held to."""

import functools
import json
from dataclasses import asdict, dataclass, field, fields

from vamp_core.density.likelihoods import LIKELIHOODS
from vamp_core.density.vamp_prior import check_turns
from vamp_core.errors import InputError
from vamp_core.models import MODELS
from vamp_core.models.checks import check_sizes
from vamp_core.networks.convolutional import LOGVAR_RANGE, check_gain
from vamp_core.networks.gated import GATED
from vamp_core.networks.masked import PIXELCNN
from vamp_core.paper_data import VALIDATION
from vamp_core.system.hardware import PRECISIONS
from vamp_core.system.seals import fingerprint
from vamp_core.training.flags import parse_flags
from vamp_core.training.limits import (
    LARGEST,
    folder_name,
    not_negative,
    of_its_kind,
    path,
    positive,
    rising,
    scales_filters,
    some_or_all,
    units,
)
from vamp_core.training.muon import OPTIMIZERS

PSEUDO_INPUTS = ("vamp", "vamp_data")  # priors that hold some
PRIOR_CHOICES = ("standard", *PSEUDO_INPUTS, "mog")
_UNITS = {"nargs": "*", "type": int, "metavar": "UNITS"}  # of a row of dense layers


def _setting(default, help, check=None, choices=None, **flag):
    return field(default=default, metadata={"help": help, "check": check, "choices": choices, **flag})


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of one run: every field is a flag of `train.py` with the same name and default.

    Raises:
        InputError: a value that cannot work.
    """

    model: str = _setting("vae", "type of variational autoencoder", choices=tuple(MODELS))
    prior: str = _setting(
        "standard",
        "type of prior; vamp_data is a VampPrior whose pseudo-inputs stay at training images, "
        "mog a mixture of Gaussians",
        choices=PRIOR_CHOICES,
    )
    lr: float = _setting(1e-4, "learning rate", positive(LARGEST))
    epochs: int = _setting(250, "passes through the training images", positive(1_000_000))
    batch_size: int = _setting(256, "images per step", positive(1_000_000))
    data_set: str = _setting(
        "mnist",
        "training and test images; digits are scikit-learn's 1,797 and need no network; what stands after them is "
        "read from files in --data_dir alone",
        choices=("mnist", "fashionmnist", "fashion_mnist", "digits", *VALIDATION),
    )
    latent_dim: int = _setting(2, "number of latents, shared out over both levels of an HVAE", positive(100_000))
    network_size: float = _setting(4.0, "factor that determines the number of filters", scales_filters)
    activation: str = _setting("relu", "activation function of the networks")
    gs_key: str | None = _setting(None, "folder name that groups the runs of a grid search", folder_name)

    network: str = _setting(
        "conv",
        "conv: the forerunner's; gated_mlp, gated_conv: the paper's; pixelcnn: gated_conv, with a PixelCNN that draws "
        "each pixel knowing those before it, as the paper's best model; pixelcnn_mlp: gated_mlp with one",
        choices=("conv", *GATED, *PIXELCNN),
    )
    pixelcnn_channels: int = _setting(
        64, "channels of the masked convolutions of pixelcnn and pixelcnn_mlp", positive(10_000)
    )
    num_components: int = _setting(500, "components of a vamp, vamp_data or mog prior (K)", positive(1_000_000))
    turns: int = _setting(
        1,
        "steps in which all pseudo-inputs of a VampPrior go through the encoder once; 1: all in each step",
        positive(1_000_000),
    )
    likelihood: str = _setting("bernoulli", "what the decoder's output means", choices=tuple(LIKELIHOODS))
    encoder_trunk: tuple[int, ...] = _setting((), "units of dense layers before the posterior's heads", units, **_UNITS)
    decoder_trunk: tuple[int, ...] = _setting((), "units of dense layers after the latents", units, **_UNITS)
    logvar_range: tuple[float, float] = _setting(
        LOGVAR_RANGE,
        "least and greatest log-variance of the latents",
        rising,
        nargs=2,
        type=float,
        metavar=("MIN", "MAX"),
    )
    latent_gain: float = _setting(
        0.0,
        "standard deviation of the weights with which the decoder's trunk starts to read the latents; 0: Keras's",
        not_negative(1000),
    )
    binarize: str = _setting(
        "none",
        "dynamic: draw black and white pixels afresh each epoch; static: once",
        choices=("none", "dynamic", "static"),
    )
    optimizer: str = _setting(
        "adam",
        "muon: orthogonal steps for convolutions and dense layers between hidden units, Adam for all else",
        choices=tuple(OPTIMIZERS),
    )
    lr_schedule: str = _setting("constant", "learning rate over the run", choices=("constant", "cosine"))
    lr_warmup_epochs: int = _setting(0, "epochs over which the learning rate rises from zero", not_negative(1_000_000))
    clip_norm: float = _setting(
        0.0, "largest norm of a step's gradient, over all weights together; 0: no limit", not_negative(LARGEST)
    )
    iwae_samples: int = _setting(
        1, "importance samples per image in the training objective; 1: the ELBO", positive(100_000)
    )
    warmup_epochs: int = _setting(
        0, "epochs over which the weight of the KL term rises to one", not_negative(1_000_000)
    )
    free_nats: float = _setting(
        0.0,
        "KL term that costs nothing in training, against decoders that leave the latents alone",
        not_negative(LARGEST),
    )
    early_stopping: int = _setting(
        0, "stop after so many epochs without a better validation loss; 0: never", not_negative(1_000_000)
    )
    validation_images: int = _setting(
        0,
        "training images held out to validate on; 0: validate on the test images, as the forerunner does",
        not_negative(1_000_000),
    )
    start_from: str | None = _setting(
        None,
        "trained model, a file model.keras, whose networks the training starts at, and whose prior if it is alike",
        path,
    )
    seed: int = _setting(0, "of weights, noise, shuffling and binarization", not_negative(2**32 - 1))
    precision: str = _setting("auto", "auto: mixed_bfloat16 where the hardware multiplies in it", choices=PRECISIONS)
    jit: str = _setting("auto", "XLA compilation; auto: off on a CPU", choices=("auto", "on", "off"))
    devices: int | str = _setting(
        1, "GPUs that share out each batch (CPUs, where there is no GPU), or all", some_or_all
    )
    data_dir: str | None = _setting(
        None, "folder with mnist.npz or IDX files; else VAMP_DATA_DIR, else a download", path
    )
    output_dir: str = _setting("runs", "folder that run folders are made in", path)
    resume: bool = _setting(False, "go on from the last finished epoch of the same run, if there is one")
    overwrite: bool = _setting(False, "replace a run of the same name")

    def __post_init__(self):
        for setting in fields(self):
            name, value = setting.name, of_its_kind(setting.name, getattr(self, setting.name), setting.type)
            value = "fashionmnist" if value == "fashion_mnist" else value
            object.__setattr__(self, name, value)
            choices, check = setting.metadata["choices"], setting.metadata["check"]
            if choices and value not in choices:
                raise InputError(f"--{name} is {value!r}; choose one of {', '.join(choices)}.")
            if check:
                check(name, value)
        self._check_together()

    def _check_together(self):
        """What no setting alone can tell."""
        check_sizes(self.latent_dim, MODELS[self.model].levels, self.activation)
        check_gain(self.latent_gain, self.decoder_trunk)
        if self.prior in PSEUDO_INPUTS:
            check_turns(self.turns, self.num_components, "--turns")
        if self.early_stopping and not self.validation_images:
            raise InputError(
                "--early_stopping would choose the best epoch on the test images: "
                "hold training images out with --validation_images, for instance 10000."
            )
        if self.free_nats and self.iwae_samples > 1:
            raise InputError(
                f"--free_nats is {self.free_nats} with --iwae_samples {self.iwae_samples}, whose KL terms do not stand "
                "by themselves: give one of the two."
            )
        for name in ("lr_warmup_epochs", "warmup_epochs"):
            if getattr(self, name) >= self.epochs:
                raise InputError(
                    f"--{name} is {getattr(self, name)} of {self.epochs} epochs: choose fewer than --epochs."
                )
        if self.resume and self.overwrite:
            raise InputError("--resume keeps the run and --overwrite replaces it: give one of them.")

    @property
    def training_id(self):
        """The run's name, after the forerunner's pattern."""
        size = f"factor{float(self.network_size)}" if self.network == "conv" else self.network
        return (
            f"{self.data_set}_{self.model}_{self.prior}_bs{self.batch_size}_dim{self.latent_dim}"
            f"_{size}_epochs{self.epochs}"
        )

    def experiment(self):
        """The settings that decide the result, {name: value}: all but devices, folders and what becomes of old runs."""
        left_out = {"devices", "data_dir", "output_dir", "resume", "overwrite", "gs_key"}
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    def fingerprint(self):
        """What the files of a run know it by: a checksum of the settings that decide the result.

        Settings at their defaults are left out, so that a setting that comes later changes no older run's.
        """
        defaults = self.defaults()
        experiment = json.loads(json.dumps(self.experiment()))
        return fingerprint({name: value for name, value in experiment.items() if value != defaults[name]})

    @classmethod
    @functools.cache
    def defaults(cls):
        """All settings as they are if none is given, as JSON has them."""
        return json.loads(json.dumps({setting.name: setting.default for setting in fields(cls)}))

    @classmethod
    def from_flags(cls, arguments=None):
        """The settings that a command line gives; `arguments` as for `argparse`."""
        return cls(**parse_flags(fields(cls), arguments))
