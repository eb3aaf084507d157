"""What every generator offers, and the statistics of its latents.

Notation: B images, L latents an image (one per modulated layer: W+), D their size,
z ~ N(0, I) of size Z, w = mapping(z), image = synthesis(ws) with ws [B, L, D].
"""

from __future__ import annotations

import abc
import dataclasses

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class LatentStatistics:
    """Moments of w = mapping(z), z ~ N(0, I), from a stated number of seeds.

    Args:
        mean: [D], mean of w.
        covariance: [D, D], covariance of w.
    """

    mean: np.ndarray
    covariance: np.ndarray


class Generator(keras.Model, abc.ABC):
    """A generative prior: latents in, images in [-1, 1] out.

    Subclasses set the attributes below in their constructor and define `mapping`
    and `synthesis`, both made of `keras.ops`, differentiable and jit-compilable.

    Attributes:
        resolution: height and width of the images, pixels.
        channels: 1 (grey) or 3 (RGB).
        num_ws: L, number of latents an image.
        w_dim: D.
        z_dim: Z.
    """

    resolution: int
    channels: int
    num_ws: int
    w_dim: int
    z_dim: int

    @abc.abstractmethod
    def mapping(self, z):
        """Maps z [B, Z] to w [B, D]."""

    @abc.abstractmethod
    def synthesis(self, ws):
        """Maps latents ws [B, L, D] to images [B, resolution, resolution, channels]."""

    def freeze(self) -> None:
        """Has weights taken for constants from now on, as they are: a step costs less then.

        There is no gradient in those weights any more, and a change of them has no effect.
        """

    def call(self, z):
        """Images of z [B, Z], the same w at every layer."""
        w = self.mapping(z)
        return self.synthesis(keras.ops.repeat(w[:, None, :], self.num_ws, axis=1))

    def latent_statistics(
        self, num_samples: int = 10_000, *, seed: int = 123, c=None
    ) -> LatentStatistics:
        """Mean and covariance of w over `num_samples` seeded draws of z.

        The draws are NumPy's `RandomState(seed).randn`, as in the originals, so the
        statistics do not depend on the backend.

        Args:
            num_samples: number of draws.
            seed: of the draws.
            c: label [1, C] of the class that w is to be of, for a generator whose
                `mapping` takes labels.
        """
        label = {} if c is None else {"c": c}
        z = np.random.RandomState(seed).randn(num_samples, self.z_dim).astype("float32")
        batches = np.array_split(z, max(1, num_samples // 1000))
        w = np.concatenate(
            [keras.ops.convert_to_numpy(self.mapping(batch, **label)) for batch in batches]
        ).astype("float64")
        return LatentStatistics(
            mean=w.mean(axis=0), covariance=np.atleast_2d(np.cov(w, rowvar=False, bias=True))
        )
