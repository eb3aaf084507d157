"""Files of visitors: allowed kinds, limits, and the picture on which a mask is painted."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.sessions import Session
from brgm_tf.io import discovery, images, inputs, medical
from brgm_tf.io.masks import load_mask
from brgm_tf.io.medical import Slicing

# Lists and archives name further files, so they are left out.
SUFFIXES = (*discovery.SUFFIXES, *medical.SUFFIXES)
CANVAS = 512  # pixels of the painted picture along a side
BRUSH = (228, 87, 46, 255)  # red, green, blue and opacity
_LONGEST_NAME = 40


def take_upload(path: str, session: Session, *, limits: Limits) -> Path:
    """Moves an uploaded file into the folder of its session; returns the new path.

    Args:
        path: Path of the upload.
        session: Session of the visitor.
        limits: Limits of a request.

    Raises:
        Refusal: the kind of the file is not allowed, or the file is too large.
        InputError: the file cannot be read.
    """
    source = Path(path)
    suffix = _suffix_of(source.name)
    if source.stat().st_size > limits.megabytes * 1e6:
        source.unlink()
        raise Refusal("input", f"The file must have at most {limits.megabytes:g} MB.")
    # The name is a part of the seed of the noise, so it is kept where it can be.
    stem = re.sub(r"[^\w-]+", "_", source.name[: len(source.name) - len(suffix)])[:_LONGEST_NAME]
    target = session.new_folder("input") / f"{stem.strip('_') or 'picture'}{suffix}"
    shutil.move(source, target)
    check_size(target, limits=limits)
    return target


def check_size(path: Path, *, limits: Limits) -> None:
    """Checks the number of pixels of a file by its header.

    Raises:
        Refusal: the picture or volume is too large.
        InputError: the header cannot be read.
    """
    most = limits.megapixels * 1e6
    if medical.is_nifti(path):
        count = _voxels(path)
    elif medical.is_medical(path):
        shape = medical.list_slices(path, Slicing())[0].header()
        count = shape.height * shape.width
    else:
        width, height = images.image_size(path)
        count = width * height
    if count > most:
        raise Refusal("input", f"The picture must have at most {most / 1e6:g} million pixels.")


def painted_picture(spec: inputs.InputSpec, *, channels: int) -> np.ndarray:
    """Returns the square part of an input that is restored, uint8 [CANVAS, CANVAS, 3].

    A small measurement is enlarged without smoothing, so that its pixels can be seen.

    Args:
        spec: Specification of the input.
        channels: Channels of the generator, 1 or 3.

    Raises:
        InputError: the input cannot be read.
    """
    content = spec.source.load(channels=channels)
    square = images.crop_square(content.image)
    if len(square) >= CANVAS:
        square = images.fit(square, resolution=CANVAS)
    levels = images.convert_channels(images.to_uint8(square), channels=3)
    return enlarged(levels)


def enlarged(levels: np.ndarray) -> np.ndarray:
    """Returns uint8 [CANVAS, CANVAS, C] of smaller levels: the nearest pixels."""
    picture = Image.fromarray(np.ascontiguousarray(levels))
    return np.asarray(picture.resize((CANVAS, CANVAS), Image.Resampling.NEAREST))


def painted_mask(value: Any) -> np.ndarray | None:
    """Returns the pixels that a visitor has painted, bool [h, w]; None without a stroke.

    Args:
        value: Value of the editor, with PIL images as `layers`.
    """
    layers: Sequence[Image.Image] = [
        layer for layer in (value or {}).get("layers") or [] if layer is not None
    ]
    painted = [np.asarray(layer.convert("RGBA"))[..., 3] > 0 for layer in layers]
    if not painted or not np.any(painted):
        return None
    return np.logical_or.reduce(painted)


def save_mask(missing: np.ndarray, folder: Path) -> Path:
    """Writes a painted mask as a file of the command, black = missing; returns its path.

    Args:
        missing: bool [h, h], True = missing, of the central square of the picture.
        folder: Folder of the file.
    """
    path = folder / "mask.png"
    Image.fromarray(np.where(missing, 0, 255).astype(np.uint8)).convert("1").save(path)
    return path


def save_strokes(mask: str, folder: Path) -> str:
    """Writes a mask as strokes of the editor; returns the path.

    Args:
        mask: Path of a mask, or 'example:NAME'.
        folder: Folder of the file.

    Raises:
        InputError: The mask cannot be used.
    """
    path = mask
    if mask.startswith(discovery.EXAMPLE_PREFIX):
        path = str(discovery.find_images(mask)[0])
    missing = load_mask(path, resolution=CANVAS)[..., 0]
    strokes = np.zeros((*missing.shape, 4), np.uint8)
    strokes[missing] = BRUSH
    Image.fromarray(strokes).save(folder / "strokes.png")
    return str(folder / "strokes.png")


def _suffix_of(name: str) -> str:
    lower = name.lower()
    matches = [suffix for suffix in SUFFIXES if lower.endswith(suffix)]
    if not matches:
        raise Refusal(
            "input", "The file must be a picture (PNG, JPEG, TIFF, WebP ...), NIfTI or DICOM."
        )
    return max(matches, key=len)


def _voxels(path: Path) -> int:
    """Returns the number of voxels that the header of a NIfTI file states."""
    slices = medical.list_slices(path, Slicing())  # reports a header that cannot be used
    import nibabel

    del slices
    return int(np.prod(nibabel.load(path).shape, dtype=np.int64))  # type: ignore[attr-defined]
