"""A linear generator with Gaussian noise, whose posterior is known in closed form."""

import numpy as np
import tensorflow as tf

from brgm_tf.posterior.objectives import objective
from brgm_tf.posterior.posterior import LatentPrior, Posterior, parameter_priors_of

L, D, SIZE = 2, 3, 4
K = 1 + L
_RNG = np.random.RandomState(0)
MEAN, ROOT = _RNG.randn(D), _RNG.randn(D, D)
COVARIANCE = ROOT @ ROOT.T
MATRIX = _RNG.randn(L * D, SIZE * SIZE) * 0.3
NOISE = 20.0  # grey levels
Y = np.random.RandomState(5).randn(2, SIZE, SIZE, 1) * 0.3


def synthesis(ws):
    """Images [B, SIZE, SIZE, 1] of ws [B, L, D]."""
    return tf.reshape(tf.reshape(ws, [-1, L * D]) @ MATRIX, [-1, SIZE, SIZE, 1])


def posterior(name="bayes", *, generator=synthesis, parameter_priors=None, **overrides):
    """The model with an objective, without perceptual term."""
    scales = objective(name, perceptual_scale=0.0, **overrides)
    parameter_priors = parameter_priors_of(parameter_priors or {}, scales)
    return Posterior(
        synthesis=generator,
        features=lambda x: [],
        prior=LatentPrior(MEAN, COVARIANCE, L, scales.layer_scale, parameter_priors),
        objective=scales,
    )


def linear(model):
    """Offset [M] and matrix [K D, M]: the image of coordinates v is offset + v @ matrix."""
    basis = tf.reshape(tf.eye(K * D, dtype=tf.float64), [-1, K, D])
    zero = tf.zeros([1, K, D], tf.float64)
    offset = synthesis(model.prior.latents(zero)).numpy().ravel()
    images = synthesis(model.prior.latents(basis)).numpy()
    return offset, images.reshape(K * D, -1) - offset


def exact(model, y):
    """Mean [K D] and covariance of the coordinates given one measurement."""
    offset, design = linear(model)
    scale = model.objective.noise_scale / 127.5
    covariance = np.linalg.inv(np.eye(K * D) + design @ design.T / scale**2)
    return covariance @ design @ (y.ravel() - offset) / scale**2, covariance
