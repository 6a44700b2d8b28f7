"""Log-densities and samples: distributions as functions, priors and likelihoods as objects."""
