"""What a run leaves behind: pictures, latents, tables, a figure and a video per image.

Every file is written whole or not at all, and equal results give equal bytes; the time a
run took, which is never the same twice, stands in metrics.csv alone.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from brgm_tf import files, images
from brgm_tf.errors import InputError
from brgm_tf.figure import figure_png
from brgm_tf.results import ImageResult, drawable
from brgm_tf.video import VIDEO_FORMATS, check_video, encode_video

# The first columns of metrics.csv; other metrics follow them, sorted by name.
COLUMNS = ("image", "psnr", "ssim", "mae", "rmse", "lpips", "seconds", "residual")

_FOLDER_ARGUMENT = "output_dir"


def check_writable(folder: str | os.PathLike, *, argument: str = _FOLDER_ARGUMENT) -> Path:
    """Creates a folder, with its parents, and proves that files can be written to it.

    Args:
        folder: the folder; '~' is the user's home.
        argument: name of the user's argument, for errors.

    Returns:
        The folder.

    Raises:
        InputError: it cannot be created or written to, or is a file.
    """
    path = _folder(folder)
    try:
        if not os.fspath(folder):
            raise ValueError("the name is empty")
        path.mkdir(parents=True, exist_ok=True)
        probe = files.temporary_beside(path / "probe")
        probe.touch()
        probe.unlink()
    # ValueError: a name with a null character, or an empty one.
    except (OSError, ValueError) as error:
        raise _unwritable(folder, error, argument=argument) from None
    return path


# One image.


def save_image_result(
    folder: str | os.PathLike, result: ImageResult, *, save_video: str | None = None
) -> list[Path]:
    """Writes the files of one image into folder/NAME.

    They are measurement.png, reconstruction.png, recorrupted.png, merged.png and
    truth.png (where there are such images), latents.npz (array `ws`), history.csv,
    metrics.json, figure.png and video.mp4 or video.gif (where there are frames). Of an
    earlier run of the same name, optional files that this one does not write are removed.
    A pixel that is NaN is written as mid-grey, with a warning in metrics.json.

    Args:
        folder: the run's folder; created if need be.
        result: the image.
        save_video: 'mp4', 'gif' or None for no video.

    Returns:
        The files written.

    Raises:
        InputError: a file cannot be written, the name is no name of a folder, or
            `save_video` cannot be met (nothing is written then).
    """
    check_video(save_video)
    _check_name(result.name)
    home = check_writable(_folder(folder) / result.name)
    written = [
        *_save_pictures(home, result),
        _write(home / "latents.npz", _npz(ws=np.asarray(result.latents, np.float32))),
        _write(home / "history.csv", _history_csv(result.history)),
        _write(home / "metrics.json", _metrics_json(result)),
        _write(home / "figure.png", figure_png(result)),
    ]
    if save_video is not None and result.frames:
        video = encode_video(result.frames, format=save_video)
        written.append(_write(home / f"video.{save_video}", video))
    _remove_stale(home, written)
    return written


def _check_name(name: str) -> None:
    if not name or name in (".", "..") or {"/", "\\", "\0"} & set(name):
        raise InputError("name", "must be the name of a folder, without a path", name=name)


def _save_pictures(home: Path, result: ImageResult) -> list[Path]:
    written = []
    for part in ("measurement", "reconstruction", "recorrupted", "merged", "truth"):
        image = getattr(result, part)
        if image is not None:
            path = home / f"{part}.png"
            images.save_image(path, drawable(image), argument=_FOLDER_ARGUMENT)
            written.append(path)
    return written


def _remove_stale(home: Path, written: Sequence[Path]) -> None:
    """An earlier run's truth beside this run's reconstruction would mislead."""
    optional = ["merged.png", "truth.png", *(f"video.{name}" for name in VIDEO_FORMATS)]
    try:
        for path in (home / name for name in optional):
            if path not in written:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(home, error) from None


def _npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    # NumPy dates the members of its archives 1980, so equal arrays give equal bytes.
    np.savez(file, **arrays)
    return file.getvalue()


def _history_csv(history: Mapping[str, np.ndarray]) -> bytes:
    columns = [np.asarray(values, np.float64) for values in history.values()]
    steps = zip(*columns, strict=True)
    return _csv(["step", *history], ([step, *terms] for step, terms in enumerate(steps)))


def _metrics_json(result: ImageResult) -> bytes:
    found = {name: _finite_or_none(result.metrics[name]) for name in sorted(result.metrics)}
    contents = {"image": result.name, **found, "warnings": result.all_warnings}
    return _encoded(json.dumps(contents, indent=2, allow_nan=False) + "\n")


def _finite_or_none(value) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


# The run.


def metrics_row(result: ImageResult) -> dict[str, object]:
    """Returns an image's row of metrics.csv: its name, seconds and metrics."""
    return {"image": result.name, "seconds": result.seconds, **result.metrics}


def save_metrics_csv(folder: str | os.PathLike, rows: Sequence[Mapping[str, object]]) -> Path:
    """Writes metrics.csv, one row per image.

    The columns are image, psnr, ssim, mae, rmse, lpips, seconds, residual, then whatever
    else the rows hold, sorted by name. What is unknown (absent, None or NaN) is an empty
    cell; the PSNR of equal images is inf.

    Args:
        folder: the run's folder.
        rows: a mapping per image from column to value, as `metrics_row` returns.

    Returns:
        The file.

    Raises:
        InputError: the file cannot be written.
    """
    others = sorted({name for row in rows for name in row} - set(COLUMNS))
    header = [*COLUMNS, *others]
    table = _csv(header, ([row.get(name) for name in header] for row in rows))
    return _write(_folder(folder) / "metrics.csv", table)


def save_flags(folder: str | os.PathLike, text: str) -> Path:
    """Writes flags.cfg, the flags with which the run can be repeated.

    Args:
        folder: the run's folder.
        text: the file's contents.

    Returns:
        The file.

    Raises:
        InputError: the file cannot be written.
    """
    return _write(_folder(folder) / "flags.cfg", _encoded(text))


# Files.


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return _encoded(file.getvalue())


def _cell(value: object) -> object:
    if isinstance(value, (str, int)):
        return value
    if value is None or math.isnan(value):
        return ""
    # A Python float is written with the digits that give it back exactly.
    return float(value)


def _encoded(text: str) -> bytes:
    # File names may hold bytes that are no text; they come out as they came in.
    return text.encode("utf-8", "surrogateescape")


def _folder(folder: str | os.PathLike) -> Path:
    return Path(os.path.expanduser(folder))


def _write(path: Path, contents: bytes) -> Path:
    try:
        files.write(path, contents)
    except OSError as error:
        raise _unwritable(path, error) from None
    return path


def _unwritable(path, error: Exception, *, argument: str = _FOLDER_ARGUMENT) -> InputError:
    return InputError(
        argument,
        "must be a folder that can be written to",
        remedy="Give another folder",
        path=os.fspath(path),
        reason=str(error),
    )
