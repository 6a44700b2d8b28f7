"""VAE and HVAE as Keras models: compile, fit, evaluate, save and load as any other."""

from vamp_core.models.hvae import HVAE
from vamp_core.models.vae import VAE

MODELS = {"vae": VAE, "hvae": HVAE}
