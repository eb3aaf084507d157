"""The measurements of a batch, and what is known about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """The measurements of a batch.

    Attributes:
        names: names of the images.
        values: y [B, h, w, C]; unobserved values are filled in.
        data: per-image arrays of the corruption by name.
        truth: the images before their corruption [B, H, W, C]; None if they are unknown.
        parameters: parameters [B] of the simulated corruption by name, if they were drawn.
        kspace_scale: [B], the magnitude that became white; None unless k-space was measured.
    """

    names: tuple[str, ...]
    values: np.ndarray
    data: Mapping[str, np.ndarray]
    truth: np.ndarray | None = None
    parameters: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    kspace_scale: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names)
