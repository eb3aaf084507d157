"""Training images of a folder, a zip file or an iterable, as uint8, in a reproducible order.

Image i of the training is perm_e[i mod N] with e = i div N. The permutation perm_e is drawn from
(seed, e), so snapshots need not save the order.
"""

from __future__ import annotations

import collections
import hashlib
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import warn_of_unit_range
from brgm_tf.io import images as image_files
from brgm_tf.io.discovery import SUFFIXES
from brgm_tf.io.pictures import check_range


def find(source: str | os.PathLike, *, argument: str) -> list[str]:
    """Returns the names of the image files below a folder or in a zip file.

    Args:
        source: Path of the folder or file.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: The path holds no images.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        files = (file for file in path.rglob("*") if file.is_file())
        names = sorted(file.relative_to(path).as_posix() for file in files)
    elif path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = sorted(archive.namelist())
    else:
        raise InputError(argument, "must be a folder or a zip file of images", path=str(source))
    names = [name for name in names if _is_image(name)]
    if not names:
        raise InputError(
            argument,
            "must hold images",
            remedy="Known suffixes: " + " ".join(SUFFIXES),
            path=str(source),
        )
    return names


def load(source: Any, *, resolution: int, channels: int, argument: str = "data") -> np.ndarray:
    """Loads images as uint8 [N, resolution, resolution, channels].

    Args:
        source: Path of a folder (read recursively) or of a zip file; or an iterable of arrays
            [H, W, C], uint8 or floats in [-1, 1], such as a `tf.data.Dataset`.
        resolution: Height and width. Images are cropped to their central square, and larger
            images are area-averaged.
        channels: 1 (grey) or 3 (RGB).
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: The source holds no images, or a file or an array cannot be used.

    Warns:
        UserWarning: A property of files is not used, such as further frames, or all floats lie
            in [0, 1].

    Example:
        >>> load([np.zeros([32, 16, 1])], resolution=8, channels=1).shape
        (1, 8, 8, 1)
    """
    if isinstance(source, str | Path):
        return _load_files(Path(source).expanduser(), resolution, channels, argument)
    if not isinstance(source, Iterable):
        raise InputError(argument, "must be a path or an iterable of images", type=type(source))
    images, extremes = [], []
    for item in source:
        floats = _floats(item, argument)
        extremes += [floats.min(), floats.max()]
        images.append(_fit(floats, resolution, channels, argument))
    if not images:
        raise InputError(argument, "must hold images")
    warn_of_unit_range(np.array(extremes), argument=argument)
    return np.stack(images)


def without(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the images that differ from all others."""
    excluded = {image.tobytes() for image in others}
    return images[[image.tobytes() not in excluded for image in images]]


def fingerprint(images: np.ndarray) -> str:
    """Returns a short text that identifies the images."""
    return f"{len(images)}-{hashlib.sha256(images.tobytes()).hexdigest()[:16]}"


def batch(images: np.ndarray, *, step: int, size: int, seed: int, mirror: bool) -> np.ndarray:
    """Returns the images of a step, which depend on (seed, step) alone.

    Args:
        images: Images [N, H, W, C].
        step: Number of the step, from 0.
        size: Number of images of a step.
        seed: Seed of the order.
        mirror: Whether half of the images, drawn for every pass, are flipped left to right.
    """
    indices = np.arange(step * size, (step + 1) * size)
    epochs, offsets = np.divmod(indices, len(images))
    chosen = np.empty(size, "int64")
    flipped = np.zeros(size, bool)
    for epoch in np.unique(epochs):
        rng = np.random.default_rng((seed, 1, int(epoch)))
        here = epochs == epoch
        chosen[here] = rng.permutation(len(images))[offsets[here]]
        flipped[here] = (rng.random(len(images)) < 0.5)[offsets[here]]
    result = images[chosen]
    if mirror:
        result[flipped] = result[flipped, :, ::-1]
    return result


def _is_image(name: str) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    return name.lower().endswith(SUFFIXES) and not hidden


def _load_files(path: Path, resolution: int, channels: int, argument: str) -> np.ndarray:
    names = find(path, argument=argument)
    if path.is_dir():
        return _read([path / name for name in names], resolution, channels, argument)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        files = [Path(archive.extract(name, folder)) for name in names]
        return _read(files, resolution, channels, argument)


def _read(paths, resolution, channels, argument) -> np.ndarray:
    images = np.empty((len(paths), resolution, resolution, channels), "uint8")
    notes: collections.Counter[str] = collections.Counter()
    for i, path in enumerate(paths):
        content = image_files.load_content(path, channels=channels, argument=argument)
        image, lines = content.image, content.notes
        images[i] = _fit(image, resolution, channels, argument)
        notes.update(lines)
    for line, count in notes.items():
        # One line for thousands of equal files.
        warnings.warn(f"{count} of {len(paths)} images: {line}", stacklevel=4)
    return images


def _floats(item, argument) -> np.ndarray:
    image = np.asarray(item)
    if image.ndim != 3:
        raise InputError(argument, "must hold images [H, W, C]", shape=image.shape)
    if image.dtype == np.uint8:
        return image_files.from_uint8(image)
    if image.dtype.kind != "f" or not image.size:
        raise InputError(
            argument,
            "must hold uint8 grey levels in [0, 255] or floats in [-1, 1]",
            dtype=str(image.dtype),
            shape=image.shape,
        )
    check_range(image, argument=argument)
    return image.astype("float32")


def _fit(image, resolution, channels, argument) -> np.ndarray:
    if image.shape[-1] != channels:
        raise InputError(argument, f"must hold images of {channels} channels", shape=image.shape)
    return image_files.to_uint8(image_files.fit(image, resolution=resolution))
