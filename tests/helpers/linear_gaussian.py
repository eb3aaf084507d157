"""A linear generator with Gaussian noise, with a posterior in closed form."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from brgm_tf.corruptions.identity import Identity
from brgm_tf.posterior.objectives import Objective, objective
from brgm_tf.posterior.posterior import Posterior

L, D, SIZE = 2, 3, 4
K = 1 + L
_RNG = np.random.RandomState(0)
MEAN, ROOT = _RNG.randn(D), _RNG.randn(D, D)
COVARIANCE = ROOT @ ROOT.T
MATRIX = _RNG.randn(L * D, SIZE * SIZE) * 0.3
NOISE = 20.0  # grey levels
Y = np.random.RandomState(5).randn(2, SIZE, SIZE, 1) * 0.3


def synthesis(ws):
    """Returns images [B, SIZE, SIZE, 1] of ws [B, L, D]."""
    return tf.reshape(tf.reshape(ws, [-1, L * D]) @ MATRIX, [-1, SIZE, SIZE, 1])


def generator_of(synthesis, *, mean, covariance, num_ws, size, channels):
    """Returns a generator from a function that maps latents to images, and from moments."""
    return SimpleNamespace(
        synthesis=synthesis,
        latent_statistics=lambda: SimpleNamespace(mean=mean, covariance=covariance),
        num_ws=num_ws,
        resolution=size,
        channels=channels,
    )


def posterior(name="bayes", *, corruption=None, generator=synthesis, size=SIZE, **overrides):
    """Returns the posterior of the linear model, without a perceptual term.

    Args:
        name: Name of the objective, or an `Objective`.
        corruption: `Corruption`; None for `Identity`.
        generator: Function from latents to images.
        size: Height and width of the images.
        **overrides: Fields of the objective.
    """
    scales = name
    if not isinstance(name, Objective):
        scales = objective(name, perceptual_scale=0.0, **overrides)
    moments = {"mean": MEAN, "covariance": COVARIANCE}
    return Posterior(
        generator_of(generator, num_ws=L, size=size, channels=1, **moments),
        Identity() if corruption is None else corruption,
        objective=scales,
    )


def linear(model):
    """Returns offset [M] and matrix [K D, M]: the image of v is offset + v @ matrix."""
    basis = tf.reshape(tf.eye(K * D, dtype=tf.float64), [-1, K, D])
    zero = tf.zeros([1, K, D], tf.float64)
    offset = synthesis(model.prior.latents(zero)).numpy().ravel()
    images = synthesis(model.prior.latents(basis)).numpy()
    return offset, images.reshape(K * D, -1) - offset


def exact(model, y):
    """Returns mean [K D] and covariance of the whitened latents for one measurement."""
    offset, design = linear(model)
    scale = model.objective.noise_scale / 127.5
    covariance = np.linalg.inv(np.eye(K * D) + design @ design.T / scale**2)
    return covariance @ design @ (y.ravel() - offset) / scale**2, covariance
