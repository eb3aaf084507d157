"""Base class of generators, and the statistics of their latents.

Notation: B images, L latents of an image (W+: one for each modulated layer), D their size,
z ~ N(0, I) of size Z, w = mapping(z), image = synthesis(ws) with ws [B, L, D].
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class LatentStatistics:
    """Moments of w = mapping(z), z ~ N(0, I), estimated from seeded draws.

    Args:
        mean: Mean of w, [D].
        covariance: Covariance of w, [D, D].
    """

    mean: np.ndarray
    covariance: np.ndarray


class Generator(keras.Model, abc.ABC):
    """A generative prior that maps latents to images in [-1, 1].

    Subclasses set the attributes below in their constructor. They define `mapping` and
    `synthesis` with `keras.ops`, differentiable and compilable by XLA.

    Attributes:
        resolution: Height and width of the images, in pixels.
        channels: 1 (grey) or 3 (RGB).
        num_ws: Number of latents of an image, L.
        w_dim: Size of a latent, D.
        z_dim: Size of a normal code, Z.
        class_names: Names of the classes of a conditional generator, in order; () without names.
    """

    resolution: int
    channels: int
    num_ws: int
    w_dim: int
    z_dim: int
    class_names: tuple[str, ...] = ()

    @abc.abstractmethod
    def mapping(self, z: Any) -> Any:
        """Maps z [B, Z] to w [B, D]."""

    @abc.abstractmethod
    def synthesis(self, ws: Any) -> Any:
        """Maps latents ws [B, L, D] to images [B, resolution, resolution, channels]."""

    @property
    def adaptable_weights(self) -> list[Any]:
        """Weights and biases of the convolutions of the synthesis network, Keras variables.

        `adaptation.Adaptation` moves them. The list is empty if they cannot be reached.
        """
        return []

    def freeze(self) -> None:
        """Makes the current weights constants, which speeds up a step.

        Afterwards the weights have no gradient, and new values have no effect, except in a
        `keras.StatelessScope`.
        """

    def call(self, z: Any) -> Any:
        """Returns the images of z [B, Z], with the same w at every layer."""
        w = self.mapping(z)
        return self.synthesis(keras.ops.repeat(w[:, None, :], self.num_ws, axis=1))

    def latent_statistics(
        self, num_samples: int = 10_000, *, seed: int = 123, c: Any = None
    ) -> LatentStatistics:
        """Returns the mean and covariance of w over seeded draws of z.

        NumPy's `RandomState(seed).randn` draws z, as in the originals, so the statistics
        do not depend on the backend.

        Args:
            num_samples: Number of draws; default 10,000.
            seed: Seed of the draws; default 123.
            c: Label [1, C] of the class of w, if `mapping` takes labels.
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
