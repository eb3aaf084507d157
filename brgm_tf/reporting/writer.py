"""Writes the files of a run: images, latents, tables, a figure and a video for each image.

Every file is written whole or not at all, and equal results give equal bytes. Durations, which
always differ, are only in metrics.csv. The folder of an image has these files:

- measurement.png, reconstruction.png, recorrupted.png (the predicted measurement), and
  merged.png and truth.png if the result has them;
- latents.npz (array `ws`), history.csv, metrics.json, figure.png, and video.mp4 or video.gif if
  there are frames.

A NaN pixel is mid-grey, with a warning in metrics.json. metrics.json is removed first and
written last, so its presence means that all files are of one run. Optional files of an earlier
run are removed.

A result that keeps its adapted generator has the folder generator/, which `load_generator` takes.

Measured k-space has measurement.png as its zero-filled reconstruction, and more files:

- measurement.npy, complex64 [H, W, coils]: k-space, 0 where not sampled, in units of white.
  Times `kspace_white` in metrics.json it is in units of the input;
- kspace.png, the magnitude over all coils on a logarithmic scale: white is the largest
  magnitude, black is 1 / 10000 of it or less;
- sampling.png, white where sampled.

Posterior samples add:

- samples/00.png, samples/01.png and so on, merged if there are merged samples; samples.gif, a
  slide show; samples.npz, their latents (array `ws`, [S, L, D]);
- mean.png and stddev.png. Black is a standard deviation of 0, and white is the largest one,
  `stddev_white` in metrics.json, in grey levels. Colour images show the root mean square over
  the channels. A value that is not finite is white;
- uncertainty.npz, float32 arrays [H, W, C]: `mean`, `low` and `high` (the 5 % and 95 %
  quantiles) in [-1, 1], `stddev` in grey levels;
- uncertainty.png, the figure of the posterior.

A slice of a medical file has reconstruction, merged, mean and stddev also in its own format
(.nii.gz or .dcm), unit and position in the patient. `geometry` in metrics.json has the slice,
its orientation and its display.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io import images, output_folder
from brgm_tf.io.medical import SUFFIXES as MEDICAL_SUFFIXES
from brgm_tf.io.medical import Geometry
from brgm_tf.reporting import tables
from brgm_tf.reporting.figures.restoration import figure_png
from brgm_tf.reporting.figures.uncertainty import uncertainty_png
from brgm_tf.reporting.pixels import drawable
from brgm_tf.reporting.video import VIDEO_FORMATS, check_video, encode_slides, encode_video

if TYPE_CHECKING:
    from brgm_tf.reporting.results import ImageResult, KSpaceData, PosteriorSamples

METRICS_NAME = "metrics.json"
_GENERATOR_FOLDER = "generator"
# Files that only some runs write.
_OPTIONAL = (
    "merged.png",
    "truth.png",
    "measurement.npy",
    "kspace.png",
    "sampling.png",
    *(f"video.{name}" for name in VIDEO_FORMATS),
    "mean.png",
    "stddev.png",
    "samples.gif",
    "samples.npz",
    "uncertainty.npz",
    "uncertainty.png",
    *(f"{_GENERATOR_FOLDER}/{name}" for name in ("config.json", "model.weights.h5")),
    *(
        f"{part}{suffix}"
        for part in ("reconstruction", "merged", "mean", "stddev")
        for suffix in MEDICAL_SUFFIXES
    ),
)
_KSPACE_BLACK = 1e-4
_SAMPLES_FOLDER = "samples"
_SAMPLE_NAME = re.compile(r"\d{2,}\.png")


def save_image_result(
    folder: str | os.PathLike, result: ImageResult, *, save_video: str | None = None
) -> list[Path]:
    """Writes the files of one image into folder/NAME; the module lists them.

    Args:
        folder: folder of the run; created if needed.
        result: the image.
        save_video: 'mp4', 'gif' or None for no video.

    Returns:
        The paths of the files.

    Raises:
        InputError: a file cannot be written, the name is not the name of a folder, or the video
            cannot be encoded (nothing is written then).
    """
    check_video(save_video)
    _check_name(result.name)
    home = output_folder.check_writable(output_folder.expanded(folder) / result.name)
    output_folder.remove(home / METRICS_NAME)
    written = [
        # The first file: it tells `io.discovery` that the folder holds results.
        output_folder.write(home / "latents.npz", _npz(ws=np.asarray(result.latents, np.float32))),
        *_save_pictures(home, result),
        output_folder.write(home / "history.csv", _history_csv(result.history)),
        output_folder.write(home / "figure.png", figure_png(result)),
    ]
    if save_video is not None and result.frames:
        video = encode_video(result.frames, format=save_video)
        written.append(output_folder.write(home / f"video.{save_video}", video))
    if result.generator is not None:
        written += _save_generator(home, result.generator)
    if result.kspace is not None:
        written += _save_kspace(home, result.kspace)
    if result.samples is not None:
        written += _save_samples(home, result.samples)
        written.append(output_folder.write(home / "uncertainty.png", uncertainty_png(result)))
    if result.geometry is not None:
        written += _save_medical(home, result, result.geometry)
    _remove_stale(home, written)
    # The last file: its presence means that all files are there.
    written.append(output_folder.write(home / METRICS_NAME, _metrics_json(result)))
    return written


def forget(folder: str | os.PathLike, names: Iterable[str]) -> None:
    """Removes metrics.json of images, so that they no longer count as finished.

    Args:
        folder: folder of the run.
        names: names of the images.

    Raises:
        InputError: a file cannot be removed.
    """
    for name in names:
        output_folder.remove(output_folder.expanded(folder) / name / METRICS_NAME)


def _check_name(name: str) -> None:
    if not name or name in (".", "..") or {"/", "\\", "\0"} & set(name):
        raise InputError("name", "must be the name of a folder, without a path", name=name)


def _save_pictures(home: Path, result: ImageResult) -> list[Path]:
    pictures = {
        "measurement": result.measurement,
        "reconstruction": result.reconstruction,
        "recorrupted": result.predicted_measurement,
        "merged": result.merged,
        "truth": result.truth,
    }
    return [
        _save_picture(home / f"{name}.png", image)
        for name, image in pictures.items()
        if image is not None
    ]


def _save_picture(path: Path, image: np.ndarray) -> Path:
    images.save_image(path, drawable(image), argument=output_folder.ARGUMENT)
    return path


def _save_medical(home: Path, result: ImageResult, geometry: Geometry) -> list[Path]:
    """Writes the images in the format of the medical file."""
    samples = result.samples
    pictures = {
        "reconstruction": result.reconstruction,
        "merged": result.merged,
    }
    encoded = {}
    if samples is not None:
        pictures["mean"] = samples.mean
        encoded["stddev"] = geometry.encode_stddev(
            samples.stddev_map, mean=drawable(samples.mean), part="stddev"
        )
    for part, image in pictures.items():
        if image is not None:
            encoded[part] = geometry.encode_image(drawable(image), part=part)
    suffix = geometry.source.suffix
    return [
        output_folder.write(home / f"{part}{suffix}", contents)
        for part, contents in encoded.items()
    ]


def _save_generator(home: Path, generator: Any) -> list[Path]:
    try:
        folder = generator.save(home / _GENERATOR_FOLDER)
    except OSError as error:
        raise output_folder.unwritable(home / _GENERATOR_FOLDER, error) from None
    return [path for path in folder.iterdir() if path.is_file()]


def _save_kspace(home: Path, kspace: KSpaceData) -> list[Path]:
    sampled = np.where(kspace.sampled, 1.0, -1.0)[..., None]
    return [
        output_folder.write(home / "measurement.npy", _npy(kspace.values)),
        _save_picture(home / "kspace.png", _log_magnitude(kspace.values)),
        _save_picture(home / "sampling.png", sampled),
    ]


def _log_magnitude(values: np.ndarray) -> np.ndarray:
    """Returns an image [H, W, 1]: 1 is the largest magnitude over all coils, -1 is 1e-4 of it."""
    magnitude = np.sqrt((np.abs(values) ** 2).sum(axis=-1, keepdims=True))
    relative = magnitude / (magnitude.max() or 1)
    return 1 + 2 * np.log10(np.maximum(relative, _KSPACE_BLACK)) / -np.log10(_KSPACE_BLACK)


def _save_samples(home: Path, samples: PosteriorSamples) -> list[Path]:
    folder = output_folder.check_writable(home / _SAMPLES_FOLDER)
    # At least two digits, and as many as the last sample has, so that files sort by number.
    digits = max(2, len(str(len(samples.shown) - 1)))
    moments = ("mean", "stddev", "low", "high")
    exact = {name: np.asarray(getattr(samples, name), np.float32) for name in moments}
    return [
        *(
            _save_picture(folder / f"{index:0{digits}}.png", image)
            for index, image in enumerate(samples.shown)
        ),
        _save_picture(home / "mean.png", samples.mean),
        _save_picture(home / "stddev.png", _stddev_picture(samples)),
        output_folder.write(home / "samples.npz", _npz(ws=np.asarray(samples.latents, np.float32))),
        output_folder.write(home / "uncertainty.npz", _npz(**exact)),
        output_folder.write(home / "samples.gif", encode_slides(list(samples.shown))),
    ]


def _stddev_picture(samples: PosteriorSamples) -> np.ndarray:
    """Returns the standard deviation as an image [H, W, 1]: -1 is 0, 1 is the largest value."""
    # An unknown standard deviation must not look certain.
    relative = np.nan_to_num(samples.stddev_map / (_stddev_white(samples) or 1), nan=1, posinf=1)
    return 2 * relative[..., None] - 1


def _stddev_white(samples: PosteriorSamples) -> float:
    levels = samples.stddev_map
    return float(np.max(levels, where=np.isfinite(levels), initial=0))


def _remove_stale(home: Path, written: Sequence[Path]) -> None:
    """Removes files of an earlier run: optional ones, and half-written ones of a killed run.

    For example, an old truth beside a new reconstruction would mislead.
    """
    folder = home / _SAMPLES_FOLDER
    try:
        stale = [home / name for name in _OPTIONAL] + atomic_files.leftovers(home)
        if folder.is_dir():
            stale += [path for path in folder.iterdir() if _SAMPLE_NAME.fullmatch(path.name)]
            stale += atomic_files.leftovers(folder)
        for path in set(stale) - set(written):
            path.unlink(missing_ok=True)
        for optional in (folder, home / _GENERATOR_FOLDER):
            if optional.is_dir() and not any(optional.iterdir()):
                optional.rmdir()
    except OSError as error:
        raise output_folder.unwritable(home, error) from None


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    # NumPy dates the members of its archives 1980, so equal arrays give equal bytes.
    np.savez(file, **cast(dict[str, Any], arrays))
    return file.getvalue()


def _history_csv(history: Mapping[str, np.ndarray]) -> bytes:
    columns = [np.asarray(values, np.float64) for values in history.values()]
    steps = zip(*columns, strict=True)
    return tables.csv_text(["step", *history], ([step, *terms] for step, terms in enumerate(steps)))


def _metrics_json(result: ImageResult) -> bytes:
    contents: dict[str, object] = {"image": result.name, **result.origin}
    for name in sorted(result.metrics):
        contents[name] = _finite_or_none(result.metrics[name])
    if result.samples is not None:
        contents["stddev_white"] = _stddev_white(result.samples)
    if result.geometry is not None:
        contents["geometry"] = result.geometry.about
    contents |= {"warnings": result.all_warnings, "complete": result.complete}
    return output_folder.encoded(json.dumps(contents, indent=2, allow_nan=False) + "\n")


def _finite_or_none(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def save_flags(folder: str | os.PathLike, text: str) -> Path:
    """Writes flags.cfg, the flags with which the run can be repeated.

    Args:
        folder: folder of the run.
        text: contents of the file.

    Returns:
        The path of the file.

    Raises:
        InputError: the file cannot be written.
    """
    return output_folder.write(
        output_folder.expanded(folder) / "flags.cfg", output_folder.encoded(text)
    )
