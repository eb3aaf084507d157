"""What is known of a restored image."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from brgm_tf.io.medical import Geometry


@dataclasses.dataclass(frozen=True, eq=False)
class PosteriorSamples:
    """Draws from the posterior of one image, and what is known of each pixel from them.

    `mean`, `stddev`, `low` and `high` may be of more draws than `images` shows. With a mask
    they are of the merged images: a known pixel has the standard deviation 0.

    Attributes:
        images: float32 [S, H, W, C] in [-1, 1], the generator's images of S >= 1 draws.
        merged: float32 [S, H, W, C] in [-1, 1], the same with the known pixels kept, or None.
        latents: float32 [S, L, D], the latents `ws` of the images.
        mean: float32 [H, W, C] in [-1, 1], the posterior mean.
        stddev: float32 [H, W, C], the posterior standard deviation, in grey levels.
        low: float32 [H, W, C] in [-1, 1], the 5 % quantile of each pixel.
        high: float32 [H, W, C] in [-1, 1], the 95 % quantile of each pixel.
    """

    images: np.ndarray
    merged: np.ndarray | None
    latents: np.ndarray
    mean: np.ndarray
    stddev: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def shown(self) -> np.ndarray:
        """[S, H, W, C], the images to look at: merged ones where there are such."""
        return self.images if self.merged is None else self.merged

    @property
    def stddev_map(self) -> np.ndarray:
        """float32 [H, W], the standard deviation over all channels, in grey levels."""
        return channel_rms(self.stddev)


@dataclasses.dataclass(frozen=True, eq=False)
class KSpaceData:
    """What was measured of an image, where that is k-space and no picture.

    Attributes:
        values: complex64 [H, W, coils], 0 where not sampled; of white the magnitude is 1, and the
            frequency 0 is at [H // 2, W // 2].
        sampled: bool [H, W], True = sampled.
    """

    values: np.ndarray
    sampled: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class ImageResult:
    """All that is known of one restored image; images are float32 in [-1, 1].

    Attributes:
        name: the image's name, which its folder gets.
        measurement: [h, w, C], as given; for super-resolution smaller than the image. Of k-space
            the zero-filled reconstruction.
        reconstruction: [H, W, C], the generator's image.
        recorrupted: [h, w, C], the reconstruction corrupted again; its picture, likewise.
        merged: [H, W, C], the reconstruction with the known pixels kept, or None.
        truth: [H, W, C], the image before its corruption, or None if unknown.
        missing: bool [H, W, 1], True = missing, or None.
        latents: float32 [L, D], the latents `ws` of the reconstruction.
        history: terms of the loss by name, 'total' among them, each float64 [steps].
        metrics: figures of the reconstruction by name; NaN where one is unknown.
        seconds: time that the restoration took.
        warnings: what the user should know of this image, a line each.
        frames: images [h', w', C] of the video, or None.
        samples: draws from the posterior, or None.
        kspace: what was measured, where that is k-space; None elsewhere.
        complete: whether every step was done that was asked for, or it had settled before.
        geometry: where it belongs in the patient; None but of slices of medical files.
    """

    name: str
    measurement: np.ndarray
    reconstruction: np.ndarray
    predicted_measurement: np.ndarray
    merged: np.ndarray | None
    truth: np.ndarray | None
    missing: np.ndarray | None
    latents: np.ndarray
    history: dict[str, np.ndarray]
    metrics: dict[str, float]
    seconds: float
    warnings: tuple[str, ...] = ()
    frames: tuple[np.ndarray, ...] | None = None
    samples: PosteriorSamples | None = None
    kspace: KSpaceData | None = None
    geometry: Geometry | None = None
    complete: bool = True

    @property
    def all_warnings(self) -> list[str]:
        """The warnings, and one more for each picture with pixels that are not finite."""
        pictures = {"reconstruction": self.reconstruction}
        if self.samples is not None:
            pictures["posterior samples"] = self.samples.images
            pictures["standard deviation"] = self.samples.stddev
        lost = {name: np.sum(~_finite_pixels(image)) for name, image in pictures.items()}
        return [
            *self.warnings,
            *(f"{lost[name]} pixels of the {name} are not finite" for name in lost if lost[name]),
        ]


@dataclasses.dataclass(frozen=True, eq=False)
class BatchCheckpoint:
    """Where a batch was when it was stopped, to go on from.

    Attributes:
        names: of its images, in their order; an image may be there twice, see `collection`.
        state: arrays of the estimator's state by name, as of `estimators.optimisation.Checkpoint`.
        history: terms of the loss by name, each [steps, B].
    """

    names: tuple[str, ...]
    state: Mapping[str, Sequence[np.ndarray]]
    history: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class BatchResult:
    """What became of a batch.

    Attributes:
        images: an `ImageResult` for each restored image.
        failures: (name, message) of each image that could not be restored.
        stopped: whether it was stopped.
        checkpoint: where it was then; None where it has to begin anew.
    """

    images: tuple[ImageResult, ...]
    failures: tuple[tuple[str, str], ...] = ()
    stopped: bool = False
    checkpoint: BatchCheckpoint | None = None


def _finite_pixels(image) -> np.ndarray:
    return np.isfinite(np.asarray(image)).all(axis=-1)


def channel_rms(values) -> np.ndarray:
    """The root mean square over the channels of [..., C], as float32 [...]."""
    # Double precision: of one channel it is then the value itself.
    return np.sqrt(np.mean(np.square(values, dtype=np.float64), axis=-1)).astype(np.float32)


def drawable(image) -> np.ndarray:
    """The image as float32, what is not finite replaced: NaN by mid-grey."""
    return np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
