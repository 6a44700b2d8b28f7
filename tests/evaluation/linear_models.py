"""Linear-Gaussian models, whose marginal p(x) is a normal density known in closed form."""

import keras
import numpy as np
from keras import layers
from scipy import stats

import vamp_core as vc


def dense(inputs, outputs, weights, bias=None):
    """A linear network as a Keras model."""
    x = keras.Input((inputs,))
    model = keras.Model(x, layers.Dense(outputs)(x))
    model.set_weights([weights, np.zeros(outputs) if bias is None else bias])
    return model


def heads(inputs, weights, variances):
    """A linear q: [mean, logvar] with mean = x @ weights and constant variances."""
    x = keras.Input((inputs,))
    outputs = weights.shape[1]
    mean, logvar = layers.Dense(outputs, name="mean"), layers.Dense(outputs, name="logvar")
    model = keras.Model(x, [mean(x), logvar(x)])
    mean.set_weights([weights, np.zeros(outputs)])
    logvar.set_weights([np.zeros((inputs, outputs)), np.log(variances)])
    return model


def linear_vae(latent_dim, seed):
    """p(x) = N(0, W Wᵀ + 0.6² I), and a proposal that is the exact posterior, widened and shifted a little."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(10, latent_dim)) / 2
    covariance = np.linalg.inv(np.eye(latent_dim) + weights.T @ weights / 0.36)
    encoder = heads(10, 0.9 * weights @ covariance / 0.36, 1.3 * np.diag(covariance))
    decoder = dense(latent_dim, 10, weights.T)
    marginal = stats.multivariate_normal(cov=weights @ weights.T + 0.36 * np.eye(10))
    return vc.VAE(encoder=encoder, decoder=decoder, likelihood=vc.Gaussian(0.6)), marginal


def linear_hvae(dims, seed):
    """z2 ~ N(0, I), z1 ~ N(A z2, s² I), x ~ N(W2 z2 + W1 z1, 0.6² I): the marginal is normal."""
    rng = np.random.default_rng(seed)
    upper, lower = dims
    a = rng.normal(size=(lower, upper)) / 2
    w2, w1 = rng.normal(size=(10, upper)) / 3, rng.normal(size=(10, lower)) / 3
    variance = 0.5**2
    joint = w2 + w1 @ a
    marginal = stats.multivariate_normal(cov=joint @ joint.T + variance * w1 @ w1.T + 0.36 * np.eye(10))
    q2_noise = variance * w1 @ w1.T + 0.36 * np.eye(10)
    q2 = np.linalg.inv(np.eye(upper) + joint.T @ np.linalg.inv(q2_noise) @ joint)
    encoder = heads(10, (q2 @ joint.T @ np.linalg.inv(q2_noise)).T, 1.3 * np.diag(q2))
    # The features of the image are the image, so that q(z1 | x, z2) is linear in both.
    q1 = np.linalg.inv(np.eye(lower) / variance + w1.T @ w1 / 0.36)
    from_x = (q1 @ w1.T / 0.36).T
    from_z2 = (q1 @ (a / variance - w1.T @ w2 / 0.36)).T
    features, z2 = keras.Input((10,)), keras.Input((upper,))
    lower_encoder = keras.Model(
        [features, z2],
        heads(10 + upper, np.concatenate([from_x, from_z2]), 1.3 * np.diag(q1))(layers.Concatenate()([features, z2])),
    )
    identity = dense(10, 10, np.eye(10))
    decoder = dense(upper + lower, 10, np.concatenate([w2.T, w1.T]))
    model = vc.HVAE(
        encoder=encoder, image_features=identity, lower_encoder=lower_encoder,
        conditional_prior=heads(upper, a.T, np.full(lower, variance)), decoder=decoder, likelihood=vc.Gaussian(0.6),
    )  # fmt: skip
    return model, marginal
