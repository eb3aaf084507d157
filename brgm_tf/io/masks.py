"""Masks, bool [H, W, 1] with True = missing: read from files, matched to images, checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.discovery import expanded, find_images
from brgm_tf.io.images import central_square, load_levels


def match_masks(
    image_paths: Sequence[Path], spec: str | os.PathLike, *, argument: str = "masks"
) -> list[Path]:
    """Returns one mask file per image.

    Args:
        image_paths: the images.
        spec: one file, used for every image; a folder or glob pattern with a mask for
            each image, matched by the file's stem (of two such masks, the one that has
            the image's very file name); or 'example:NAME'.
        argument: name of the user's argument, for errors.

    Returns:
        As many paths, in the order of the images.

    Raises:
        InputError: an image has no mask, or more than one.
    """
    found = find_images(spec, argument=argument)
    if len(found) == 1 and not os.path.isdir(expanded(spec)):
        return found * len(image_paths)
    return [_mask_of(path, found, spec=spec, argument=argument) for path in image_paths]


def _mask_of(image: Path, masks: Sequence[Path], *, spec, argument: str) -> Path:
    matching = [mask for mask in masks if mask.stem == image.stem]
    if len(matching) > 1:
        matching = [mask for mask in matching if mask.name == image.name] or matching
    if len(matching) != 1:
        raise InputError(
            argument,
            f"must hold one mask for every image, with the image's name; for '{image.name}' "
            f"there are {len(matching)}",
            remedy=f"Put one file such as {image.stem}.png there, or give a single mask file",
            **{argument: os.fspath(spec)},
        )
    return matching[0]


def load_mask(
    path: str | os.PathLike,
    *,
    resolution: int,
    aspect: tuple[int, int] | None = None,
    argument: str = "masks",
) -> np.ndarray:
    """Reads a mask file: black (grey level below 128) is missing, all else is known.

    Colours become grey, and transparent pixels white (known), as in `load_image`. The
    mask is cropped to its central square, as `fit` crops the image, and resized to the
    nearest pixel. A square mask fits every image: it covers the square that is left.

    Args:
        path: the mask file.
        resolution: side of the result in pixels.
        aspect: (width, height) of the image before cropping; None accepts any shape.
        argument: name of the user's argument, for errors.

    Returns:
        bool [resolution, resolution, 1], True = missing.

    Raises:
        InputError: the file cannot be read, a non-square mask is of another shape than
            the image, or the mask leaves nothing known.
    """
    levels = load_levels(path, channels=1, argument=argument)
    height, width = levels.shape[:2]
    if width != height and aspect is not None and not _same_shape((width, height), aspect):
        raise InputError(
            argument,
            f"must be square or have the shape of the image, {aspect[0]} x {aspect[1]}",
            remedy="Make the mask on a copy of the image",
            path=str(path),
            width=width,
            height=height,
        )
    missing = central_square(levels < 128)
    nearest = (2 * np.arange(resolution) + 1) * len(missing) // (2 * resolution)
    missing = missing[nearest][:, nearest]
    refuse_if_nothing_known(missing, argument=argument, path=str(path))
    return missing


def check_mask(mask: np.ndarray, *, resolution: int, argument: str = "masks") -> np.ndarray:
    """Checks a mask array, True = missing.

    Args:
        mask: bool [resolution, resolution] or [resolution, resolution, C]; a pixel is
            missing in all channels or in none.
        resolution: side of the image in pixels.
        argument: name of the user's argument, for errors.

    Returns:
        bool [resolution, resolution, 1].

    Raises:
        InputError: the mask has another shape, its channels differ, or it leaves nothing
            known.
    """
    shape = mask.shape
    missing = mask[..., None] if mask.ndim == 2 else mask
    if missing.shape[:2] != (resolution, resolution) or missing.shape[2:] in ((), (0,)):
        raise InputError(argument, f"must be {resolution} x {resolution} pixels", shape=shape)
    if (missing != missing[..., :1]).any():
        raise InputError(
            argument,
            "must be the same in every channel: a pixel is missing or known as a whole",
            remedy="Give [H, W, 1]",
            shape=shape,
        )
    refuse_if_nothing_known(missing, argument=argument, shape=shape)
    # True is stored as 255 in the arrays that Pillow makes of 1-bit images; compiled code of
    # others takes it for 255 then.
    return missing[..., :1].view(np.uint8) != 0


def refuse_if_nothing_known(missing: np.ndarray, *, argument: str, **received) -> None:
    """Refuses a mask that hides everything.

    Raises:
        InputError: nothing is left known; it says what was received.
    """
    if missing.all():
        raise InputError(
            argument,
            "must leave a part of the image known; black (in arrays True) is missing and white "
            "(False) is known",
            remedy="Invert the mask if it is the other way round",
            **received,
        )


def _same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    # Sides that were scaled and rounded to whole pixels are off by up to one pixel.
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(other)
