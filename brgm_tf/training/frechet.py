"""Fréchet distance on VGG16 features: how far made images are from held-out ones.

Notation: f [N, K] features of N images, m and S their mean and covariance.

    d = || m1 - m2 ||^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))

The features are those of LPIPS' last block (the activations after VGG16's conv5_3, of
unit length over channels, times the square roots of the learned weights; K = 512), averaged
over positions. This is not the Inception FID, whose numbers are of another size: compare it
with `Distance.floor` and between runs on the same held-out images. It is biased upwards for
few images, hence the same number of made images as of held-out ones.

Reference: Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a
Local Nash Equilibrium (arXiv 1706.08500), section 3; features: arXiv 1801.03924.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from brgm_tf.io.images import from_uint8
from brgm_tf.training import backend

# Distances are shown in thousandths: features of unit length are small numbers.
_SCALE = 1000.0
_BATCH = 32


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [K] and covariance [K, K] of features [N, K]."""
    features = np.asarray(features, "float64")
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def frechet_distance(first, second) -> float:
    """The Fréchet distance of two normal distributions, each given by its moments.

    Args:
        first, second: (mean [K], covariance [K, K]).
    """
    (m1, s1), (m2, s2) = first, second
    # The eigenvalues of S1 S2 are those of the symmetric root S1 root.
    values, vectors = np.linalg.eigh(s1)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ s2 @ root), 0, None)).sum()
    return float(np.square(m1 - m2).sum() + np.trace(s1) + np.trace(s2) - 2 * cross)


class Distance:
    """The distance of made images from held-out ones, in thousandths.

    Args:
        held_out: uint8 [N, H, W, C].
        features: images [B, H, W, C] in [-1, 1] -> features by layer [B, h, w, K], such as
            `brgm_tf.perceptual.lpips.LPIPS.features`; the last layer is used.
    """

    def __init__(self, held_out: np.ndarray, *, features: Callable):
        self.count = len(held_out)
        self._pooled = backend.compiled(lambda _, images: pooled(features(images)[-1]), jit=False)
        self._held_out = moments(self._features(from_uint8(held_out)))

    def __call__(self, images: np.ndarray) -> float:
        """The distance of images, float [N, H, W, C] in [-1, 1]."""
        made = moments(self._features(np.clip(images, -1, 1)))
        return _SCALE * frechet_distance(made, self._held_out)

    def floor(self, images: np.ndarray) -> float:
        """The distance of as many real images (uint8), drawn at random: what is attainable."""
        order = np.random.default_rng(0).permutation(len(images))[: self.count]
        return self(from_uint8(images[order]))

    def _features(self, images) -> np.ndarray:
        parts = []
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            # Full batches only, so that one program serves them all.
            padded = np.concatenate([part, np.zeros((_BATCH - len(part), *part.shape[1:]))])
            tensor = ops.convert_to_tensor(padded.astype("float32"))
            parts.append(ops.convert_to_numpy(self._pooled({}, tensor))[: len(part)])
        return np.concatenate(parts)


def pooled(features):
    """sqrt(h w) times the mean over positions [B, K] of features [B, h, w, K].

    The factor undoes the 1 / sqrt(h w) of `LPIPS.features`.
    """
    size = float(features.shape[1] * features.shape[2])
    return ops.mean(features, axis=(1, 2)) * size**0.5
