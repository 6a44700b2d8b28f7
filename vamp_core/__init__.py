"""Convolutional and hierarchical VAEs with a standard prior or a VampPrior, in Keras 3."""

from vamp_core.data import Dataset, binarize, load_data
from vamp_core.errors import InputError
from vamp_core.likelihoods import Bernoulli, DiscretizedLogistic, Gaussian, LearnedGaussian
from vamp_core.losses import ElboTerms, KLWarmup
from vamp_core.models import HVAE, VAE
from vamp_core.priors import MixtureOfGaussians, StandardNormal, VampPrior
