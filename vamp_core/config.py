"""All settings of a training run, and the command-line flags that are made from them."""

import argparse
from dataclasses import asdict, dataclass, field, fields

from vamp_core.errors import InputError
from vamp_core.gated_networks import GATED
from vamp_core.hardware import PRECISIONS
from vamp_core.likelihoods import LIKELIHOODS
from vamp_core.models import MODELS, check_sizes
from vamp_core.networks import LOGVAR_RANGE, NARROW_TO_WIDE, check_gain, filters

# Settings found by measuring, or after the paper; a flag given beside --recipe wins over it.
RECIPES = {
    "book": dict(
        network_size=1.0,
        encoder_trunk=(256,),
        decoder_trunk=(256, 256, 256),
        latent_gain=3.0,
        logvar_range=(-12.0, 6.0),
        lr=2e-3,
        lr_schedule="cosine",
        lr_warmup_epochs=1,
        epochs=24,
    ),
    # The paper's setting for dynamic MNIST, at what a CPU can do of it: the paper has batches of 100 images and a
    # learning rate of 5e-4, and ends when 50 epochs have brought nothing.
    "paper": dict(
        binarize="dynamic",
        validation_images=10_000,
        batch_size=256,
        lr=4e-3,
        lr_schedule="cosine",
        lr_warmup_epochs=1,
        # Without a limit trainings were lost, of which the page on the results tells.
        clip_norm=50.0,
        epochs=400,
        warmup_epochs=100,
        early_stopping=400,  # not before the cosine's end; but of all epochs the best one's weights are kept
    ),
}

PRIOR_CHOICES = ("standard", "vamp", "vamp_data", "mog")
_UNITS = {"nargs": "*", "type": int, "metavar": "UNITS"}  # of a row of dense layers


def _setting(default, help, choices=None, **flag):
    return field(default=default, metadata={"help": help, "choices": choices, **flag})


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of one run: every field is a flag of `train.py` with the same name and default.

    Raises:
        InputError: a value that cannot work.
    """

    model: str = _setting("vae", "type of variational autoencoder", tuple(MODELS))
    prior: str = _setting(
        "standard",
        "type of prior; vamp_data is a VampPrior whose pseudo-inputs stay at training images, "
        "mog a mixture of Gaussians",
        PRIOR_CHOICES,
    )
    lr: float = _setting(1e-4, "learning rate of Adam")
    epochs: int = _setting(250, "passes through the training images")
    batch_size: int = _setting(256, "images per step")
    data_set: str = _setting(
        "mnist",
        "training and test images; digits are scikit-learn's 1,797 and need no network",
        ("mnist", "fashionmnist", "fashion_mnist", "digits"),
    )
    latent_dim: int = _setting(2, "number of latents, shared out over both levels of an HVAE")
    network_size: float = _setting(4.0, "factor that determines the number of filters")
    activation: str = _setting("relu", "activation function of the networks")
    gs_key: str | None = _setting(None, "folder name that groups the runs of a grid search")

    network: str = _setting("conv", "conv: the forerunner's; gated_mlp, gated_conv: the paper's", ("conv", *GATED))
    num_components: int = _setting(500, "components of a vamp, vamp_data or mog prior (K)")
    likelihood: str = _setting("bernoulli", "what the decoder's output means", tuple(LIKELIHOODS))
    encoder_trunk: tuple[int, ...] = _setting((), "units of dense layers before the posterior's heads", **_UNITS)
    decoder_trunk: tuple[int, ...] = _setting((), "units of dense layers after the latents", **_UNITS)
    logvar_range: tuple[float, float] = _setting(
        LOGVAR_RANGE, "least and greatest log-variance of the latents", nargs=2, type=float, metavar=("MIN", "MAX")
    )
    latent_gain: float = _setting(
        0.0, "standard deviation of the weights with which the decoder's trunk starts to read the latents; 0: Keras's"
    )
    binarize: str = _setting(
        "none", "dynamic: draw black and white pixels afresh each epoch; static: once", ("none", "dynamic", "static")
    )
    lr_schedule: str = _setting("constant", "learning rate over the run", ("constant", "cosine"))
    lr_warmup_epochs: int = _setting(0, "epochs over which the learning rate rises from zero")
    clip_norm: float = _setting(0.0, "largest norm of a step's gradient, over all weights together; 0: no limit")
    iwae_samples: int = _setting(1, "importance samples per image in the training objective; 1: the ELBO")
    warmup_epochs: int = _setting(0, "epochs over which the weight of the KL term rises to one")
    early_stopping: int = _setting(0, "stop after so many epochs without a better validation loss; 0: never")
    validation_images: int = _setting(
        0, "training images held out to validate on; 0: validate on the test images, as the forerunner does"
    )
    start_from: str | None = _setting(
        None, "trained model, a file model.keras, whose networks the training starts at, and whose prior if it is alike"
    )
    seed: int = _setting(0, "of weights, noise, shuffling and binarization")
    precision: str = _setting("auto", "auto: mixed_bfloat16 where the hardware multiplies in it", PRECISIONS)
    jit: str = _setting("auto", "XLA compilation; auto: off on a CPU", ("auto", "on", "off"))
    data_dir: str | None = _setting(None, "folder with mnist.npz or IDX files; else VAMP_DATA_DIR, else a download")
    output_dir: str = _setting("runs", "folder that run folders are made in")
    resume: bool = _setting(False, "go on from the last finished epoch of the same run, if there is one")
    overwrite: bool = _setting(False, "replace a run of the same name")

    def __post_init__(self):
        object.__setattr__(self, "data_set", self.data_set.replace("_", ""))
        object.__setattr__(self, "encoder_trunk", tuple(self.encoder_trunk))
        object.__setattr__(self, "decoder_trunk", tuple(self.decoder_trunk))
        object.__setattr__(self, "logvar_range", tuple(self.logvar_range))
        for setting in fields(self):
            choices, value = setting.metadata["choices"], getattr(self, setting.name)
            if choices and value not in choices:
                raise InputError(f"--{setting.name} is {value!r}; choose one of {', '.join(choices)}.")
        for name in ("lr", "epochs", "batch_size", "latent_dim", "network_size", "num_components", "iwae_samples"):
            if not getattr(self, name) > 0:
                raise InputError(f"--{name} is {getattr(self, name)}; choose a positive number.")
        for name in ("lr_warmup_epochs", "clip_norm", "warmup_epochs", "early_stopping", "validation_images", "seed"):
            if not getattr(self, name) >= 0:
                raise InputError(f"--{name} is {getattr(self, name)}; choose zero or more.")
        check_sizes(self.latent_dim, MODELS[self.model].levels, self.activation)
        filters(NARROW_TO_WIDE[0], self.network_size)
        for name in ("encoder_trunk", "decoder_trunk"):
            if any(units < 1 for units in getattr(self, name)):
                raise InputError(f"--{name} is {getattr(self, name)}; a layer has at least one unit.")
        check_gain(self.latent_gain, self.decoder_trunk)
        if len(self.logvar_range) != 2 or not self.logvar_range[0] < self.logvar_range[1]:
            raise InputError(
                f"--logvar_range is {self.logvar_range}; give the least and then the greatest log-variance."
            )
        if self.early_stopping and not self.validation_images:
            raise InputError(
                "--early_stopping would choose the best epoch on the test images: "
                "hold training images out with --validation_images, for instance 10000."
            )
        for name in ("lr_warmup_epochs", "warmup_epochs"):
            if getattr(self, name) >= self.epochs:
                raise InputError(
                    f"--{name} is {getattr(self, name)} of {self.epochs} epochs: choose fewer than --epochs."
                )
        if self.gs_key is not None and (self.gs_key in ("", ".", "..") or set(self.gs_key) & set("/\\")):
            raise InputError(f"--gs_key is {self.gs_key!r}; it names one folder, so leave out slashes.")
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
        """The settings that decide the result, as a dictionary: all but folders and what to do with old runs."""
        left_out = {"data_dir", "output_dir", "resume", "overwrite", "gs_key"}
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @classmethod
    def from_flags(cls, arguments=None):
        """The settings that a command line gives; `arguments` as for `argparse`."""
        parser = _Parser(
            prog="train.py",
            description="Trains a VAE or an HVAE with a standard prior or a VampPrior and draws the figures.",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
            allow_abbrev=False,
        )
        parser.add_argument("--recipe", help="start from the settings of: " + ", ".join(RECIPES))
        for setting in fields(cls):
            parser.add_argument(f"--{setting.name}", default=setting.default, **_flag(setting))
        recipe = parser.parse_known_args(arguments)[0].recipe
        if recipe is not None:
            if recipe not in RECIPES:
                raise InputError(f"--recipe is {recipe!r}; choose one of {', '.join(RECIPES)}.")
            parser.set_defaults(**RECIPES[recipe])
        settings = vars(parser.parse_args(arguments))
        del settings["recipe"]
        return cls(**settings)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """Argparse would print a page of usage above its one sentence."""
        raise InputError(f"{message}; see {self.prog} --help.")


def _flag(setting):
    """What argparse needs to know of a setting."""
    flag = {"help": setting.metadata["help"]}
    if setting.type is bool:
        return {**flag, "action": "store_true"}
    if setting.metadata["choices"]:
        return {**flag, "metavar": "{" + ",".join(setting.metadata["choices"]) + "}"}
    if "nargs" in setting.metadata:
        return flag | {key: setting.metadata[key] for key in ("nargs", "type", "metavar")}
    number = setting.type if setting.type in (int, float) else str
    return {**flag, "type": number, "metavar": {int: "N", float: "X"}.get(number, "NAME")}
