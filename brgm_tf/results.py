"""What is known of a restored image."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class ImageResult:
    """All that is known of one restored image; images are float32 in [-1, 1].

    Attributes:
        name: the image's name, which its folder gets.
        measurement: [h, w, C], as given; for super-resolution smaller than the image.
        reconstruction: [H, W, C], the generator's image.
        recorrupted: [h, w, C], the reconstruction corrupted again.
        merged: [H, W, C], the reconstruction with the known pixels kept, or None.
        truth: [H, W, C], the image before its corruption, or None if unknown.
        missing: bool [H, W, 1], True = missing, or None.
        latents: float32 [L, D], the latents `ws` of the reconstruction.
        history: terms of the loss by name, 'total' among them, each float64 [steps].
        metrics: figures of the reconstruction by name; NaN where one is unknown.
        seconds: time that the restoration took.
        warnings: what the user should know of this image, a line each.
        frames: images [h', w', C] of the video, or None.
    """

    name: str
    measurement: np.ndarray
    reconstruction: np.ndarray
    recorrupted: np.ndarray
    merged: np.ndarray | None
    truth: np.ndarray | None
    missing: np.ndarray | None
    latents: np.ndarray
    history: dict[str, np.ndarray]
    metrics: dict[str, float]
    seconds: float
    warnings: tuple[str, ...] = ()
    frames: tuple[np.ndarray, ...] | None = None

    @property
    def all_warnings(self) -> list[str]:
        """The warnings, and one more if pixels of the reconstruction are not finite."""
        pixels = np.isfinite(np.asarray(self.reconstruction)).all(axis=-1)
        if pixels.all():
            return list(self.warnings)
        lost = f"{np.sum(~pixels)} pixels of the reconstruction are not finite"
        return [*self.warnings, lost]


def drawable(image) -> np.ndarray:
    """The image as float32, what is not finite replaced: NaN by mid-grey."""
    return np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
