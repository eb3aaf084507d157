"""The results of a run: of each image, and of all images.

Results print as a few lines, show their figure in a notebook, and save themselves. Matplotlib and
the writer are imported by the methods that need them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical import Geometry
from brgm_tf.io.origin import Origin
from brgm_tf.reporting.failures import Failure
from brgm_tf.reporting.pixels import channel_rms, finite_pixels

_SHOWN_METRICS = ("residual", "psnr", "ssim", "rmse", "lpips", "noise_scale", "coverage_90")
_SHOWN_IMAGES = 8


@dataclasses.dataclass(frozen=True, eq=False)
class PosteriorSamples:
    """Posterior samples of one image, and the moments and intervals of its pixels.

    `mean`, `stddev`, `low` and `high` may be of more draws than `images` holds. With a mask they
    are of the merged images, so an observed pixel has the standard deviation 0.

    Attributes:
        images: float32 [S, H, W, C] in [-1, 1], the generator's images of S >= 1 draws.
        merged: float32 [S, H, W, C] in [-1, 1], the same blended into the observed pixels, or
            None.
        latents: float32 [S, L, D], the latents of the images.
        mean: float32 [H, W, C] in [-1, 1], the posterior mean.
        stddev: float32 [H, W, C], the posterior standard deviation in grey levels.
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
        """The images to show [S, H, W, C]: the merged images, or else `images`."""
        return self.images if self.merged is None else self.merged

    @property
    def stddev_map(self) -> np.ndarray:
        """Root mean square of the standard deviation over the channels, float32 [H, W]."""
        return channel_rms(self.stddev)


@dataclasses.dataclass(frozen=True, eq=False)
class KSpaceData:
    """The measured k-space of an image.

    Attributes:
        values: complex64 [H, W, coils], 0 where not sampled; white has the magnitude 1, and the
            frequency 0 is at [H // 2, W // 2].
        sampled: bool [H, W], True = sampled.
    """

    values: np.ndarray
    sampled: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ImageResult:
    """The result of one image; images are float32 in [-1, 1].

    Attributes:
        name: name of the image, and of the folder of its files.
        measurement: [h, w, C], the measurement, which super-resolution has smaller than the
            image; for k-space, its zero-filled reconstruction.
        reconstruction: [H, W, C], the generator's image.
        predicted_measurement: [h, w, C], the corrupted reconstruction, shown as `measurement` is.
        latents: float32 [L, D], the latents of the reconstruction.
        merged: [H, W, C], the reconstruction, changed to agree with the measurement; None for
            corruptions without this operation.
        truth: [H, W, C], the image before its corruption, or None if it is unknown.
        missing: bool [H, W, 1], True = missing, or None.
        history: terms of the loss by name, 'total' among them, each float64 [steps].
        metrics: metrics of the reconstruction by name; NaN if a metric is unknown.
        seconds: duration of the restoration.
        warnings: lines of text for the user.
        frames: images [h', w', C] of the video, or None.
        samples: posterior samples, or None.
        kspace: the measured k-space, or None.
        generator: generator whose weights are adapted to the image, with `synthesis` and
            `save(folder)`; None for the trained weights.
        geometry: position in the patient for a slice of a medical file, or None.
        origin: the files of the image and their state, see `io.origin`; {} for arrays.
        complete: whether every step was done, or the estimator had converged before.

    Example:
        >>> image = np.zeros((4, 4, 1), "float32")
        >>> ImageResult("face", image, image, image, np.zeros((3, 8)), metrics={"residual": 2.5})
        ImageResult 'face': 4 x 4, grey
          residual 2.5
    """

    name: str
    measurement: np.ndarray
    reconstruction: np.ndarray
    predicted_measurement: np.ndarray
    latents: np.ndarray
    merged: np.ndarray | None = None
    truth: np.ndarray | None = None
    missing: np.ndarray | None = None
    history: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    frames: tuple[np.ndarray, ...] | None = None
    samples: PosteriorSamples | None = None
    kspace: KSpaceData | None = None
    generator: Any = None
    geometry: Geometry | None = None
    origin: Origin = dataclasses.field(default_factory=dict)
    complete: bool = True

    @property
    def all_warnings(self) -> list[str]:
        """The warnings, and one for each image with pixels that are not finite."""
        pictures = {"reconstruction": self.reconstruction}
        if self.samples is not None:
            pictures["posterior samples"] = self.samples.images
            pictures["standard deviation"] = self.samples.stddev
        lost = {name: np.sum(~finite_pixels(image)) for name, image in pictures.items()}
        return [
            *self.warnings,
            *(f"{lost[name]} pixels of the {name} are not finite" for name in lost if lost[name]),
        ]

    def plot(self) -> Any:
        """Returns a `matplotlib.figure.Figure`: of the posterior if there are samples, else of
        the restoration."""
        if self.samples is not None:
            from brgm_tf.reporting.figures.uncertainty import draw_uncertainty

            return draw_uncertainty(self)
        from brgm_tf.reporting.figures.restoration import draw_figure

        return draw_figure(self)

    def save(self, folder: Any) -> Path:
        """Writes the files of the image into folder/NAME; returns that folder.

        Args:
            folder: path of a folder; created if needed.

        Raises:
            InputError: a file cannot be written.
        """
        from brgm_tf.reporting import writer

        writer.save_image_result(folder, self)
        return Path(folder).expanduser() / self.name

    def _repr_png_(self) -> bytes:
        from brgm_tf.reporting.figures.page import encode_png

        return encode_png(ImageResult.plot, self)

    def __repr__(self) -> str:
        lines = [f"ImageResult {self.name!r}: {_size_of(self.reconstruction)}"]
        metrics = metrics_line(self.metrics)
        lines += [f"  {metrics}"] if metrics else []
        if self.samples is not None:
            lines.append(f"  {len(self.samples.images)} posterior samples")
        return "\n".join([*lines, *(f"  warning: {line}" for line in self.all_warnings)])


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Restoration:
    """The results of all images. It is a sequence of `ImageResult`.

    Args:
        images: the result of each restored image, in the order of the inputs.
        failures: the inputs that could not be restored.
        config: the `Config` of the run, or None.
        photographs: the photographs with their restored faces, each with `name`, `pixels`
            [H, W, 3] and `save(folder)`; () without align="faces".

    Example:
        >>> image = np.zeros((4, 4, 1), "float32")
        >>> face = ImageResult("face", image, image, image, np.zeros((3, 8)))
        >>> restoration = Restoration((face,), (Failure("tree", "no image"),))
        >>> restoration
        Restoration of 1 image
          face: 4 x 4, grey
          failed: tree: no image
        >>> restoration.reconstructions.shape
        (1, 4, 4, 1)
        >>> restoration[0] is face
        True
    """

    images: tuple[ImageResult, ...]
    failures: tuple[Failure, ...] = ()
    config: Any = None
    photographs: tuple[Any, ...] = ()

    @property
    def reconstructions(self) -> np.ndarray:
        """The generator's images [N, H, W, C] in [-1, 1].

        Raises:
            InputError: no image was restored.
        """
        return np.stack([image.reconstruction for image in self._restored()])

    @property
    def mean(self) -> np.ndarray:
        """The posterior means [N, H, W, C] in [-1, 1].

        Raises:
            InputError: the estimator draws no samples, or no image was restored.
        """
        return np.stack([samples.mean for samples in self._samples()])

    @property
    def stddev(self) -> np.ndarray:
        """The posterior standard deviations [N, H, W, C] in grey levels.

        Raises:
            InputError: the estimator draws no samples, or no image was restored.
        """
        return np.stack([samples.stddev for samples in self._samples()])

    def sample(self, num_samples: int) -> np.ndarray:
        """Returns posterior samples [num_samples, N, H, W, C] in [-1, 1].

        They are the first samples of the run: a second call returns the same ones. With a mask,
        the observed pixels are put back.

        Args:
            num_samples: number of samples, at most the `num_samples` of the run.

        Raises:
            InputError: the run has fewer samples, or no image was restored.
        """
        samples = self._samples()
        available = min(len(one.shown) for one in samples)
        if not 1 <= num_samples <= available:
            raise InputError(
                "num_samples",
                f"must be from 1 to {available}, the number of samples of the run",
                remedy="Restore with a larger num_samples",
                num_samples=num_samples,
            )
        return np.stack([one.shown[:num_samples] for one in samples], axis=1)

    def plot(self, index: int = 0) -> Any:
        """Returns the `matplotlib.figure.Figure` of an image; see `ImageResult.plot`.

        Args:
            index: index of the image.

        Raises:
            InputError: no image was restored.
        """
        return self._restored()[index].plot()

    def save(self, folder: Any) -> Path:
        """Writes the files of every image, metrics.csv and failures.csv; returns the folder.

        Args:
            folder: path of a folder; created if needed.

        Raises:
            InputError: the folder or a table cannot be written.
            CombinedInputError: images cannot be saved; all others are.
        """
        from brgm_tf.reporting.saving import save_restoration

        return save_restoration(folder, self)

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[ImageResult]:
        return iter(self.images)

    def __getitem__(self, index: int) -> ImageResult:
        return self.images[index]

    def __bool__(self) -> bool:
        return True

    def _restored(self) -> tuple[ImageResult, ...]:
        if not self.images:
            first = [f"; the first failure is {failure}" for failure in self.failures[:1]]
            raise InputError("input", "has no image that could be restored" + "".join(first))
        return self.images

    def _samples(self) -> list[PosteriorSamples]:
        samples = [image.samples for image in self._restored() if image.samples is not None]
        if not samples:
            raise InputError(
                "estimator",
                "draws no samples, so there is no mean and no standard deviation",
                remedy="Restore with estimator='vi' or 'hmc'",
                estimator=getattr(self.config, "estimator", None),
            )
        return samples

    def _repr_png_(self) -> bytes | None:
        return self.images[0]._repr_png_() if self.images else None

    def __repr__(self) -> str:
        count = len(self.images)
        lines = [f"Restoration of {count} image{'s' * (count != 1)}"]
        lines += [f"  {_summary(image)}" for image in self.images[:_SHOWN_IMAGES]]
        if count > _SHOWN_IMAGES:
            lines.append(f"  ... and {count - _SHOWN_IMAGES} more")
        failures = [f"  failed: {failure}" for failure in self.failures]
        lines += failures[:_SHOWN_IMAGES]
        if len(failures) > _SHOWN_IMAGES:
            lines.append(f"  ... and {len(failures) - _SHOWN_IMAGES} more failures")
        return "\n".join(lines)


def metrics_line(metrics: Mapping[str, float]) -> str:
    """Returns the best known metrics as text, such as 'residual 2.5, psnr 30.1'."""
    known = [name for name in _SHOWN_METRICS if not math.isnan(metrics.get(name, math.nan))]
    return ", ".join(f"{name} {metrics[name]:.4g}" for name in known)


def _size_of(image: np.ndarray) -> str:
    height, width, channels = np.shape(image)
    return f"{width} x {height}, {'grey' if channels == 1 else 'RGB'}"


def _summary(image: ImageResult) -> str:
    parts = [_size_of(image.reconstruction), metrics_line(image.metrics)]
    count = len(image.all_warnings)
    parts += [f"{count} warning{'s' * (count > 1)}"] if count else []
    return f"{image.name}: " + ", ".join(filter(None, parts))
