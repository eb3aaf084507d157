"""Pictures of a result for the page: before and after, maps, samples, intervals and metrics."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.io import images
from brgm_tf.photographs.opening import open_photograph
from brgm_tf.pipeline.photographs import RestoredPhotograph
from brgm_tf.reporting.figures import page as pages
from brgm_tf.reporting.figures.maps import draw_maps
from brgm_tf.reporting.pixels import channel_rms, drawable
from brgm_tf.reporting.results import ImageResult, PosteriorSamples

SIDE = 512  # least pixels of a shown picture along a side
MAP_SIDE = 512  # pixels of a map without its colour bar
_PHOTOGRAPH_SIDE = 1600  # most pixels of a shown photograph along a side
_DOTS = 128  # an inch
_BAR_INCHES, _MARGIN = 0.85, 0.1
_METRICS = {
    "residual": ("Residual", "misfit to the measurement in grey levels"),
    "rmse": ("RMSE", "distance to the truth in grey levels"),
    "psnr": ("PSNR", "peak signal-to-noise ratio in decibels"),
    "ssim": ("SSIM", "structural similarity to the truth, 1 is equal"),
    "lpips": ("LPIPS", "perceptual distance to the truth, 0 is equal"),
    "merged_rmse": ("RMSE, merged", "the same with the observed pixels put back"),
    "merged_lpips": ("LPIPS, merged", "the same with the observed pixels put back"),
    "noise_scale": ("Noise", "inferred standard deviation in grey levels"),
    "coverage_90": ("Coverage", "part of the true pixels inside the 90 % interval"),
}


@dataclasses.dataclass(frozen=True)
class Views:
    """Paths of the pictures of a result.

    Attributes:
        before: measurement, as large as `after`.
        after: merged image, or the reconstruction.
        residual: map of the absolute residual with its colour bar; None for a photograph.
        faces: figures of the restored faces of a photograph; () for other images.
        samples: posterior samples; () without.
        mean: posterior mean, or None.
        stddev: map of the standard deviation with its colour bar, or None.
        truth: true image, or None.
    """

    before: Path
    after: Path
    residual: Path | None = None
    faces: tuple[Path, ...] = ()
    samples: tuple[Path, ...] = ()
    mean: Path | None = None
    stddev: Path | None = None
    truth: Path | None = None


def save_views(result: ImageResult, folder: Path) -> Views:
    """Writes the pictures of a result for the page.

    Args:
        result: the image.
        folder: folder of the pictures.
    """
    after = result.reconstruction if result.merged is None else result.merged
    side = max(SIDE, after.shape[0])
    samples = result.samples

    def save(name: str, image: np.ndarray) -> Path:
        path = folder / f"{name}.png"
        enlarged(image, side=side).save(path)
        return path

    return Views(
        before=save("before", result.measurement),
        after=save("after", after if samples is None else samples.mean),
        residual=save_map(residual_map(result), folder / "residual.png"),
        truth=None if result.truth is None else save("truth", result.truth),
        **({} if samples is None else _sample_views(samples, folder, save)),
    )


def save_photograph_views(photograph: RestoredPhotograph, folder: Path) -> Views:
    """Writes the pictures of a restored photograph for the page: the whole, before and after.

    Args:
        photograph: the photograph.
        folder: folder of the pictures.
    """
    picture = open_photograph(photograph.source)
    width, height = picture.size
    before, after = folder / "before.png", folder / "after.png"
    _reduced(picture.box(0, 0, height, width)).save(before)
    _reduced(photograph.pixels).save(after)
    return Views(before=before, after=after)


def _reduced(image: np.ndarray) -> Image.Image:
    """Returns a photograph as a picture of at most `_PHOTOGRAPH_SIDE` pixels along a side."""
    picture = Image.fromarray(images.to_uint8(image))
    picture.thumbnail((_PHOTOGRAPH_SIDE, _PHOTOGRAPH_SIDE))
    return picture


def _sample_views(samples: PosteriorSamples, folder: Path, save) -> dict:
    return {
        "samples": tuple(save(f"sample-{i}", image) for i, image in enumerate(samples.shown)),
        "mean": save("mean", samples.mean),
        "stddev": save_map(samples.stddev_map, folder / "stddev.png"),
    }


def enlarged(image: np.ndarray, *, side: int) -> Image.Image:
    """Returns an image as a picture of at least `side` pixels: the nearest pixels.

    Args:
        image: [h, w, C] in [-1, 1].
        side: pixels along the longer side.
    """
    levels = images.to_uint8(drawable(image))
    picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    factor = side / max(picture.size)
    size = (round(picture.width * factor), round(picture.height * factor))
    return picture.resize(size, Image.Resampling.NEAREST)


def residual_map(result: ImageResult) -> np.ndarray:
    """Returns the absolute residual of each pixel in grey levels, [h, w].

    The residual of colours is their root mean square. Unobserved pixels are NaN.
    """
    difference = drawable(result.measurement) - drawable(result.predicted_measurement)
    residual = channel_rms(difference) * GREY_LEVELS_PER_UNIT
    missing = result.missing
    if missing is not None and missing.shape[:2] == residual.shape:
        residual = np.where(missing[..., 0], np.nan, residual)
    return residual


def save_map(levels: np.ndarray, path: Path) -> Path:
    """Draws a map with its colour bar; the map alone is `MAP_SIDE` pixels large.

    Args:
        levels: [h, w] in grey levels; NaN is grey.
        path: path of the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    side = MAP_SIDE / _DOTS
    width, height = side + _BAR_INCHES, side
    with pages.plain_style():
        figure = Figure(figsize=(width, height), dpi=_DOTS, facecolor="white")
        axes = figure.add_axes((0, 0, side / width, 1))
        bar = figure.add_axes(
            ((side + _MARGIN) / width, _MARGIN / height, 0.16 / width, 1 - 2 * _MARGIN / height)
        )
        draw_maps(figure, {"": levels}, axes=[axes], bar=bar)
        FigureCanvasAgg(figure).print_png(str(path), metadata={"Software": None})
    return path


def metric_rows(metrics: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """Returns a row for each known metric and inferred parameter: name, value, explanation.

    Example:
        >>> metric_rows({"residual": 2.5, "psnr": float("nan")})
        [('Residual', '2.5', 'misfit to the measurement in grey levels')]
    """
    rows = [
        (label, f"{metrics[name]:.4g}", text)
        for name, (label, text) in _METRICS.items()
        if not math.isnan(metrics.get(name, math.nan))
    ]
    for name in metrics:
        parameter = name.removesuffix("_stddev")
        if parameter == name or parameter in _METRICS or parameter not in metrics:
            continue
        value = f"{metrics[parameter]:.3g} \N{PLUS-MINUS SIGN} {metrics[name]:.2g}"
        truth = metrics.get(f"{parameter}_true")
        note = "inferred" if truth is None else f"inferred; the true value is {truth:.3g}"
        rows.append((parameter, value, note))
    return rows


def resolution_of(path: Path) -> int:
    """Returns the pixels of an image along a side, from its file of intervals."""
    with np.load(path, allow_pickle=False) as arrays:
        return int(arrays["mean"].shape[0])


def interval_text(path: Path, *, column: int, row: int) -> str:
    """Returns the 90 % interval of a pixel as text.

    Args:
        path: file of the intervals, uncertainty.npz.
        column: column of the pixel in the image, from 0 at the left.
        row: row of the pixel, from 0 at the top.
    """
    with np.load(path, allow_pickle=False) as arrays:
        height, width = arrays["mean"].shape[:2]
        column, row = min(max(column, 0), width - 1), min(max(row, 0), height - 1)
        mean, low, high = (
            (arrays[name][row, column] + 1) * GREY_LEVELS_PER_UNIT
            for name in ("mean", "low", "high")
        )
    names = ("",) if len(mean) == 1 else ("red ", "green ", "blue ")
    parts = [
        f"{name}{a:.0f} to {b:.0f} (mean {m:.0f})"
        for name, m, a, b in zip(names, mean, low, high, strict=True)
    ]
    return f"Pixel ({column}, {row}): 90 % interval {', '.join(parts)} of 255 grey levels"
