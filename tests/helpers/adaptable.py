"""A generator that is linear in its latents and its adaptable weights."""

from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf

from brgm_tf.corruptions.identity import Identity
from brgm_tf.posterior.objectives import objective
from brgm_tf.posterior.posterior import Posterior

L, D, SIZE = 2, 3, 4
_RNG = np.random.RandomState(0)
MATRIX = _RNG.randn(L * D, SIZE * SIZE) * 0.3
BIAS = _RNG.randn(SIZE * SIZE) * 0.1
NOISE = 20.0  # grey levels
Y = np.random.RandomState(5).randn(2, SIZE, SIZE, 1) * 0.3


class LinearGenerator:
    """x = w M + b, with the adaptable weights M and b."""

    num_ws, resolution, channels = L, SIZE, 1

    def __init__(self):
        self._matrix = keras.Variable(MATRIX, dtype="float64", name="matrix")
        self._bias = keras.Variable(BIAS, dtype="float64", name="bias")
        self.adaptable_weights = [self._matrix, self._bias]

    def synthesis(self, ws):
        """Returns images [B, SIZE, SIZE, 1] of ws [B, L, D]."""
        x = tf.reshape(ws, [-1, L * D]) @ self._matrix.value + self._bias.value
        return tf.reshape(x, [-1, SIZE, SIZE, 1])

    @staticmethod
    def latent_statistics():
        """Returns the moments of w."""
        return SimpleNamespace(mean=np.zeros(D), covariance=np.eye(D))


def posterior(name="bayes", *, scale=0.5, corruption=None, **overrides):
    """Returns the posterior of the linear generator, without a perceptual term."""
    overrides = {"noise_scale": NOISE, **overrides}
    return Posterior(
        LinearGenerator(),
        Identity() if corruption is None else corruption,
        objective=objective(name, perceptual_scale=0.0, **overrides),
        adaptation_scale=scale,
    )
