"""Convolutional and hierarchical VAEs with a standard prior or a VampPrior, in Keras 3."""

from vamp_core.system.quiet import quiet_start

with quiet_start():
    import keras  # noqa: F401

from vamp_core import networks, plots
from vamp_core.data import Dataset, load_data, load_data_or_digits
from vamp_core.density import distributions, likelihoods, priors
from vamp_core.density.likelihoods import Bernoulli, DiscretizedLogistic, Gaussian, LearnedGaussian, Likelihood
from vamp_core.density.pixelcnn import PixelCNN
from vamp_core.density.priors import MixtureOfGaussians, Prior, StandardNormal
from vamp_core.density.vamp_prior import VampPrior
from vamp_core.errors import InputError
from vamp_core.evaluation.aggregate import active_units, aggregate_posterior, kl_split
from vamp_core.evaluation.ais import ais_log_likelihood, bidirectional_bounds
from vamp_core.evaluation.bounds import iwae_bound, mean_elbo
from vamp_core.evaluation.log_likelihood import log_likelihood
from vamp_core.evaluation.quadrature import quadrature_log_likelihood
from vamp_core.images import binarize
from vamp_core.models import HVAE, VAE
from vamp_core.models.objective import ElboTerms, KLWarmup
from vamp_core.networks import gated as gated_networks
from vamp_core.own_images import load_images
from vamp_core.pretrained import list_pretrained, load_pretrained
from vamp_core.system import hardware
from vamp_core.system.arrays import as_numpy
from vamp_core.system.devices import on_devices
from vamp_core.training.adam import Adam
from vamp_core.training.build import build_model
from vamp_core.training.config import TrainingConfig
from vamp_core.training.flops import training_flops
from vamp_core.training.muon import Muon
from vamp_core.training.recipes import RECIPES
from vamp_core.training.report import report
from vamp_core.training.train import train
from vamp_core.version import __version__
from vamp_core.widgets import LatentExplorer

__all__ = [
    "VAE",
    "HVAE",
    "networks",
    "gated_networks",
    "distributions",
    "priors",
    "likelihoods",
    "Prior",
    "StandardNormal",
    "MixtureOfGaussians",
    "VampPrior",
    "Likelihood",
    "Bernoulli",
    "Gaussian",
    "LearnedGaussian",
    "DiscretizedLogistic",
    "PixelCNN",
    "ElboTerms",
    "KLWarmup",
    "mean_elbo",
    "log_likelihood",
    "quadrature_log_likelihood",
    "ais_log_likelihood",
    "bidirectional_bounds",
    "iwae_bound",
    "active_units",
    "aggregate_posterior",
    "kl_split",
    "Dataset",
    "load_data",
    "load_data_or_digits",
    "load_images",
    "binarize",
    "Adam",
    "Muon",
    "TrainingConfig",
    "RECIPES",
    "build_model",
    "train",
    "report",
    "training_flops",
    "hardware",
    "on_devices",
    "as_numpy",
    "load_pretrained",
    "list_pretrained",
    "plots",
    "LatentExplorer",
    "InputError",
    "__version__",
]
