"""Convolutional and hierarchical VAEs with a standard prior or a VampPrior, in Keras 3."""

from vamp_core.quiet import quiet_start

with quiet_start():
    import keras  # noqa: F401

from vamp_core import plots
from vamp_core.aggregate import active_units, aggregate_posterior, kl_split
from vamp_core.config import TrainingConfig
from vamp_core.data import Dataset, binarize, load_data, load_data_or_digits
from vamp_core.errors import InputError
from vamp_core.evaluation import iwae_bound, log_likelihood, mean_elbo
from vamp_core.likelihoods import Bernoulli, DiscretizedLogistic, Gaussian, LearnedGaussian
from vamp_core.losses import ElboTerms, KLWarmup
from vamp_core.models import HVAE, VAE
from vamp_core.pretrained import list_pretrained, load_pretrained
from vamp_core.priors import MixtureOfGaussians, StandardNormal, VampPrior
from vamp_core.training import train
from vamp_core.widgets import LatentExplorer

__all__ = [
    "VAE",
    "HVAE",
    "StandardNormal",
    "MixtureOfGaussians",
    "VampPrior",
    "Bernoulli",
    "Gaussian",
    "LearnedGaussian",
    "DiscretizedLogistic",
    "ElboTerms",
    "KLWarmup",
    "mean_elbo",
    "log_likelihood",
    "iwae_bound",
    "active_units",
    "aggregate_posterior",
    "kl_split",
    "Dataset",
    "load_data",
    "load_data_or_digits",
    "binarize",
    "TrainingConfig",
    "train",
    "load_pretrained",
    "list_pretrained",
    "plots",
    "LatentExplorer",
    "InputError",
]
