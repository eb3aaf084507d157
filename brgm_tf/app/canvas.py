"""The picture on which a visitor paints a mask, and the painted mask.

A picture is shown as the central square that is restored. A photograph is shown whole, in the
middle of the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from brgm_tf.io import discovery, images, inputs
from brgm_tf.io.masks import load_mask, read_missing

CANVAS = 512  # pixels of the painted picture along a side
BRUSH = (228, 87, 46, 255)  # red, green, blue and opacity
_BESIDE = 235  # grey level beside a photograph
Size = tuple[int, int]  # width and height


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


def painted_photograph(spec: inputs.InputSpec) -> tuple[np.ndarray, Size]:
    """Returns a whole photograph, uint8 [CANVAS, CANVAS, 3], and its size.

    Args:
        spec: Specification of the photograph.

    Raises:
        InputError: the photograph cannot be read.
    """
    levels = images.to_uint8(spec.source.load(channels=3).image)
    picture = Image.fromarray(levels)
    left, top, width, height = _place(picture.size)
    shown = Image.new("RGB", (CANVAS, CANVAS), (_BESIDE,) * 3)
    shown.paste(picture.resize((width, height), Image.Resampling.BICUBIC), (left, top))
    return np.asarray(shown), picture.size


def _place(size: Size) -> tuple[int, int, int, int]:
    """Returns the left, top, width and height of a photograph on the canvas."""
    factor = CANVAS / max(size)
    width, height = (max(1, round(factor * side)) for side in size)
    return (CANVAS - width) // 2, (CANVAS - height) // 2, width, height


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


def photograph_mask(missing: np.ndarray, size: Size) -> np.ndarray:
    """Returns the painted pixels of a photograph, bool [h, w].

    Args:
        missing: bool [n, n], True = missing, of the whole canvas.
        size: Width and height of the photograph.
    """
    picture = Image.fromarray(missing).resize((CANVAS, CANVAS), Image.Resampling.NEAREST)
    left, top, width, height = _place(size)
    part = picture.crop((left, top, left + width, top + height))
    return np.asarray(part.resize(size, Image.Resampling.NEAREST))


def save_mask(missing: np.ndarray, folder: Path) -> Path:
    """Writes a painted mask as a file of the command, black = missing; returns its path.

    Args:
        missing: bool [h, w], True = missing, of the central square of the picture or of the
            photograph.
        folder: Folder of the file.
    """
    path = folder / "mask.png"
    Image.fromarray(np.where(missing, 0, 255).astype(np.uint8)).convert("1").save(path)
    return path


def save_strokes(mask: str, folder: Path, *, size: Size | None = None) -> str:
    """Writes a mask as strokes of the editor; returns the path.

    Args:
        mask: Path of a mask, or 'example:NAME'.
        folder: Folder of the file.
        size: Width and height of the photograph of the mask; None for another picture.

    Raises:
        InputError: The mask cannot be used.
    """
    path = mask
    if mask.startswith(discovery.EXAMPLE_PREFIX):
        path = str(discovery.find_images(mask)[0])
    missing = np.zeros((CANVAS, CANVAS), bool)
    if size is None:
        missing = load_mask(path, resolution=CANVAS)[..., 0]
    else:
        left, top, width, height = _place(size)
        picture = Image.fromarray(read_missing(path))
        missing[top : top + height, left : left + width] = picture.resize((width, height))
    strokes = np.zeros((CANVAS, CANVAS, 4), np.uint8)
    strokes[missing] = BRUSH
    Image.fromarray(strokes).save(folder / "strokes.png")
    return str(folder / "strokes.png")
