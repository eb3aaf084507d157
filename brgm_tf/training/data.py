"""Images of a folder, a zip file or any iterable, held as uint8, in an order that is a function.

The image at place i of the training is perm_e[i mod N], e = i div N, with perm_e the
permutation drawn from (seed, e): nothing about the order has to be saved.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io import images as image_files
from brgm_tf.io.discovery import SUFFIXES


def find(source, *, argument: str) -> list[str]:
    """The names of the image files below a folder or in a zip file.

    Raises:
        InputError: there is none.
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
            "must have images in it",
            remedy="Suffixes looked for: " + " ".join(SUFFIXES),
            path=str(source),
        )
    return names


def load(source, *, resolution: int, channels: int, argument: str = "data") -> np.ndarray:
    """Loads images as uint8 [N, resolution, resolution, channels].

    Args:
        source: a folder (with those below it) or zip file; or an iterable, such as a
            `tf.data.Dataset`, of arrays [H, W, C], uint8 or floats in [-1, 1].
        resolution: side; larger images are area-averaged, of others than squares the
            central square is taken.
        channels: 1 or 3.
        argument: name of the user's argument, for errors.

    Raises:
        InputError: nothing is there, or a file cannot be used.
    """
    if isinstance(source, str | Path):
        return _load_files(Path(source).expanduser(), resolution, channels, argument)
    if not isinstance(source, Iterable):
        raise InputError(argument, "must be a path or an iterable of images", type=type(source))
    found = [_fitted(_floats(item, argument), resolution, channels, argument) for item in source]
    if not found:
        raise InputError(argument, "must have images in it")
    return np.stack(found)


def without(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The images that are not among the others."""
    known = {image.tobytes() for image in others}
    return images[[image.tobytes() not in known for image in images]]


def fingerprint(images: np.ndarray) -> str:
    """A short text that is different for different images."""
    return f"{len(images)}-{hashlib.sha256(images.tobytes()).hexdigest()[:16]}"


def batch(images: np.ndarray, *, step: int, size: int, seed: int, mirror: bool) -> np.ndarray:
    """The images of a step, from (seed, step) alone.

    Args:
        images: [N, H, W, C].
        step: from 0.
        size: images a step.
        seed: of the order.
        mirror: flip half of the images from left to right; which, is drawn for every pass.
    """
    places = np.arange(step * size, (step + 1) * size)
    epochs, offsets = np.divmod(places, len(images))
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
    found = np.empty((len(paths), resolution, resolution, channels), "uint8")
    for i, path in enumerate(paths):
        image = image_files.load_image(path, channels=channels, argument=argument)
        found[i] = _fitted(image, resolution, channels, argument)
    return found


def _floats(item, argument) -> np.ndarray:
    image = np.asarray(item)
    if image.ndim != 3:
        raise InputError(argument, "must hold images [H, W, C]", shape=image.shape)
    return image_files.from_uint8(image) if image.dtype == np.uint8 else image.astype("float32")


def _fitted(image, resolution, channels, argument) -> np.ndarray:
    if image.shape[-1] != channels:
        raise InputError(argument, f"must hold images of {channels} channels", shape=image.shape)
    return image_files.to_uint8(image_files.fit(image, resolution=resolution))
