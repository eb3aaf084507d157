"""The Gaussian prior on the latents of a generator, and its whitening.

Notation: B images; L layers; w [B, L, D] latents, one for each layer; mu [D] and Sigma [D, D] the
mean and covariance of w; S a square root of Sigma; v [B, V, D] the whitened latents.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import tensorflow as tf

from brgm_tf.core.distributions import StaticShapeDistribution

# The covariance of a mapping network is nearly singular. Eigenvalues below this fraction of the
# largest one are raised to it, so that whitening does not enlarge directions without variance.
_EIGENVALUE_FLOOR = 1e-4


@dataclasses.dataclass(frozen=True)
class LatentPrior:
    """Gaussian prior on the latents, stated by moments and independent of dtype and batch.

    If `layer_scale` is a number t, the latents of the layers are correlated:

        w_l = mu + S (u + t d_l),   u, d_l ~ N(0, I),   S S^T = Sigma

    so that Cov(w_l, w_m) = Sigma (1 + t^2 [l = m]). A generator is trained with one latent for all
    layers, and t limits how far a layer may leave it. The whitened latents are
    v = (u, d_1, ..., d_L), V = 1 + L. Several v give the same w; the smallest |v|^2 is the squared
    Mahalanobis norm of w, so the mode of v is the mode of w.

    If `layer_scale` is None, the layers are independent, w_l ~ N(mu, diag Sigma), as in the
    originals. Then v = w - mu, V = L, and only the mean is removed.

    Args:
        mean: mu [D].
        covariance: Sigma [D, D].
        num_ws: L.
        layer_scale: t, or None for independent layers.

    Example:
        >>> prior = LatentPrior(np.zeros(3), np.eye(3), num_ws=2, layer_scale=1.0)
        >>> prior.event_shape, prior.latents(tf.zeros([1, 3, 3])).shape
        ((3, 3), TensorShape([1, 2, 3]))
    """

    mean: np.ndarray
    covariance: np.ndarray
    num_ws: int
    layer_scale: float | None = None

    @property
    def total_stddev(self) -> float:
        """sqrt(trace Sigma), the scale of the originals."""
        return float(np.sqrt(np.trace(self.covariance)))

    @functools.cached_property
    def root(self) -> np.ndarray:
        """S [D, D], with S S^T = Sigma except for the smallest eigenvalues."""
        values, vectors = np.linalg.eigh(self.covariance)
        return vectors * np.sqrt(np.maximum(values, _EIGENVALUE_FLOOR * values[-1]))

    @property
    def num_latent_vectors(self) -> int:
        """V, number of whitened latents of an image: 1 + L, or L for independent layers."""
        return self.num_ws + (self.layer_scale is not None)

    @property
    def event_shape(self) -> tuple[int, int]:
        """Shape (V, D) of the whitened latents of an image."""
        return self.num_latent_vectors, self.mean.shape[0]

    @property
    def variance(self) -> np.ndarray:
        """Prior variance [D] of the coordinates of a whitened latent."""
        independent = self.layer_scale is None
        return np.diag(self.covariance) if independent else np.ones_like(self.mean)

    @property
    def log_normalizer(self) -> float:
        """log of the integral of exp(-|v|^2 / 2), with v in units of its standard deviation."""
        return 0.5 * self.num_latent_vectors * float(np.log(2.0 * math.pi * self.variance).sum())

    def latents(self, whitened_latents):
        """Returns latents w [B, L, D] of whitened latents v [B, V, D]."""
        dtype = whitened_latents.dtype
        mean = tf.constant(self.mean, dtype)
        if self.layer_scale is None:
            return mean + whitened_latents
        shared, deviations = whitened_latents[:, :1], whitened_latents[:, 1:]
        whitened = shared + self.layer_scale * deviations
        return mean + tf.einsum("bld,ed->ble", whitened, tf.constant(self.root, dtype))

    def sample_equal_layers(self, rng: np.random.RandomState, num_samples: int) -> np.ndarray:
        """Returns whitened latents [num_samples, V, D] of w ~ N(mu, Sigma), equal at every layer.

        Args:
            rng: Source of random numbers.
            num_samples: Number of samples.
        """
        u = rng.randn(num_samples, 1, self.mean.shape[0])
        whitened_latents = np.zeros([num_samples, *self.event_shape])
        if self.layer_scale is None:
            whitened_latents[:] = u @ self.root.T
        else:
            whitened_latents[:, :1] = u
        return whitened_latents


class WhitenedLatents(StaticShapeDistribution):
    """Gaussian distribution of the whitened latents of each image, raised to a power.

        log p(v) = -power * (sum v^2 / variance / 2 + log_normalizer)

    A sample is normal with the variance `variance / power`. The log-density is normalised if the
    power is 1 and `log_normalizer` is the one of `LatentPrior`; else it lacks a constant.

    Args:
        event_shape: (V, D).
        num_images: B.
        variance: Variance [D] of the coordinates.
        power: Power of the density.
        log_normalizer: Logarithm of the normaliser, or 0 to leave it out.
        dtype: Floating-point type.
        name: Name of the distribution.

    Example:
        >>> v = WhitenedLatents((3, 2), num_images=4, variance=[1.0, 1.0]).sample(seed=[0, 1])
        >>> v.shape
        TensorShape([4, 3, 2])
    """

    def __init__(
        self,
        event_shape: tuple[int, int],
        *,
        num_images: int,
        variance,
        power: float = 1.0,
        log_normalizer: float = 0.0,
        dtype=tf.float32,
        name: str = "WhitenedLatents",
    ):
        self._variance = np.asarray(variance)
        self._power, self._log_normalizer = power, log_normalizer
        super().__init__([num_images], event_shape, dtype=dtype, name=name)

    def _log_prob(self, value):
        variance = tf.constant(self._variance, value.dtype)
        log_prob = -0.5 * tf.reduce_sum(tf.square(value) / variance, axis=[-2, -1])
        if self._log_normalizer:
            log_prob -= self._log_normalizer
        return self._power * log_prob

    def _sample_n(self, n, seed=None):
        stddev = tf.constant(np.sqrt(self._variance / self._power), self.dtype)
        return stddev * self._standard_normal(n, seed)


class OriginalLatents(WhitenedLatents):
    """Distribution of the latents in the originals: a mean of squares in place of a sum.

        log p(v) = -prior_scale * mean over V, D of v^2 / total_stddev^2

    This is the log-density of N(0, total_stddev^2 V D / (2 prior_scale)) up to a constant.

    Args:
        event_shape: (V, D).
        num_images: B.
        total_stddev: sqrt(trace Sigma).
        prior_scale: Factor of the mean.
        dtype: Floating-point type.
        name: Name of the distribution.
    """

    def __init__(
        self,
        event_shape: tuple[int, int],
        *,
        num_images: int,
        total_stddev: float,
        prior_scale: float,
        dtype=tf.float32,
        name: str = "OriginalLatents",
    ):
        self._total_stddev, self._prior_scale = total_stddev, prior_scale
        size = event_shape[0] * event_shape[1]
        variance = np.full(event_shape[1], 0.5 * size * total_stddev**2)
        super().__init__(
            event_shape,
            num_images=num_images,
            variance=variance,
            power=prior_scale,
            dtype=dtype,
            name=name,
        )

    def _log_prob(self, value):
        mean = tf.reduce_mean(tf.square(value), axis=[-2, -1])
        return -self._prior_scale * mean / self._total_stddev**2


class StandardNormal(StaticShapeDistribution):
    """Standard normal distribution of the position z [B, P] of the unknown parameters.

        log p(z) = -(sum z^2 + P log 2 pi) / 2

    Args:
        num_images: B.
        size: P.
        dtype: Floating-point type.
        name: Name of the distribution.
    """

    def __init__(
        self, num_images: int, size: int, *, dtype=tf.float32, name: str = "StandardNormal"
    ):
        super().__init__([num_images], [size], dtype=dtype, name=name)

    def _log_prob(self, value):
        squared = tf.reduce_sum(tf.square(value), axis=-1)
        return -0.5 * (squared + self.event_shape[0] * math.log(2.0 * math.pi))

    def _sample_n(self, n, seed=None):
        return self._standard_normal(n, seed)


class WeightDeviations(StaticShapeDistribution):
    """Standard normal distribution of the deviations e [B, E] of a generator's weights.

        log p(e) = -power * sum e^2 / 2

    The density lacks its constant, because millions of weights would make the constant so large
    that the other terms lost their digits. A sample has the variance 1 / power.

    Args:
        num_images: B.
        size: E.
        power: Power of the density.
        dtype: Floating-point type.
        name: Name of the distribution.

    Example:
        >>> prior = WeightDeviations(1, 3)
        >>> prior.log_prob(tf.constant([[1.0, 0.0, 2.0]])).numpy().tolist()
        [-2.5]
    """

    def __init__(
        self,
        num_images: int,
        size: int,
        *,
        power: float = 1.0,
        dtype=tf.float32,
        name: str = "WeightDeviations",
    ):
        self._power = power
        super().__init__([num_images], [size], dtype=dtype, name=name)

    def _log_prob(self, value):
        return -0.5 * self._power * tf.reduce_sum(tf.square(value), axis=-1)

    def _sample_n(self, n, seed=None):
        return self._standard_normal(n, seed) / tf.sqrt(tf.constant(self._power, self.dtype))
