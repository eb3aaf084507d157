"""Fréchet distance between generated and held-out images, on VGG16 features.

Notation: f [N, K] features of N images, m and S their mean and covariance.

    d = || m1 - m2 ||^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))

The features are the last block of LPIPS, averaged over positions: the activations after VGG16's
conv5_3, of unit length over channels, times the square roots of the learned weights; K = 512.
The numbers are not comparable with the Inception FID. Compare them with `Distance.floor`, and
between runs on the same held-out images. Few images bias the distance upwards, so the number of
generated images equals the number of held-out images.

Reference: Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a
Local Nash Equilibrium (arXiv 1706.08500), section 3; features: arXiv 1801.03924.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from brgm_tf.io.images import from_uint8
from brgm_tf.training import backend

# Distances are in thousandths, because features of unit length are small numbers.
_SCALE = 1000.0
_BATCH = 32


Moments = tuple[np.ndarray, np.ndarray]


def moments(features: np.ndarray) -> Moments:
    """Returns the mean [K] and covariance [K, K] of features [N, K]."""
    features = np.asarray(features, "float64")
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def frechet_distance(first: Moments, second: Moments) -> float:
    """Returns the Fréchet distance of two normal distributions.

    Args:
        first: Mean [K] and covariance [K, K].
        second: Mean [K] and covariance [K, K].

    Example:
        >>> frechet_distance((np.zeros(2), np.eye(2)), (np.ones(2), 4 * np.eye(2)))
        4.0
    """
    (m1, s1), (m2, s2) = first, second
    # The eigenvalues of S1 S2 are those of the symmetric root S1 root.
    values, vectors = np.linalg.eigh(s1)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ s2 @ root), 0, None)).sum()
    return float(np.square(m1 - m2).sum() + np.trace(s1) + np.trace(s2) - 2 * cross)


class Distance:
    """Distance of generated images from held-out images, in thousandths.

    Args:
        held_out: Held-out images, uint8 [N, H, W, C].
        features: Function from images [B, H, W, C] in [-1, 1] to a list of features
            [B, h, w, K], such as `LPIPS.features`. The distance uses the last ones.
    """

    def __init__(self, held_out: np.ndarray, *, features: Callable):
        self.count = len(held_out)
        self._pooled = backend.compiled(lambda _, images: pooled(features(images)[-1]), jit=False)
        self._held_out = moments(self._features(from_uint8(held_out)))

    def __call__(self, images: np.ndarray) -> float:
        """Returns the distance of images, float [N, H, W, C] in [-1, 1]."""
        generated = moments(self._features(np.clip(images, -1, 1)))
        return _SCALE * frechet_distance(generated, self._held_out)

    def floor(self, images: np.ndarray) -> float:
        """Returns the distance of as many real images (uint8), drawn at random."""
        order = np.random.default_rng(0).permutation(len(images))[: self.count]
        return self(from_uint8(images[order]))

    def _features(self, images) -> np.ndarray:
        parts = []
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            # Full batches, so that one program serves all of them.
            padded = np.concatenate([part, np.zeros((_BATCH - len(part), *part.shape[1:]))])
            tensor = ops.convert_to_tensor(padded.astype("float32"))
            parts.append(ops.convert_to_numpy(self._pooled({}, tensor))[: len(part)])
        return np.concatenate(parts)


def pooled(features: Any) -> Any:
    """Returns sqrt(h w) times the mean over positions [B, K] of features [B, h, w, K].

    The factor undoes the 1 / sqrt(h w) of `LPIPS.features`.
    """
    size = float(features.shape[1] * features.shape[2])
    return ops.mean(features, axis=(1, 2)) * size**0.5
