"""Masks, bool [H, W, 1] with True = missing: reading, matching to images, and checks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.discovery import expand_user, find_images
from brgm_tf.io.images import crop_square, load_levels


def match_masks(
    image_paths: Sequence[Path], spec: str | os.PathLike, *, argument: str = "masks"
) -> list[Path | InputError]:
    """Returns one mask file for each image, or the error of an image.

    Args:
        image_paths: Paths of the images.
        spec: Path of one file for all images; a folder or glob pattern with a mask for each
            image, matched by the stem of the file; or 'example:NAME'. If two masks have the stem
            of an image, the mask with its full file name is taken.
        argument: Name of the user's argument, for errors.

    Returns:
        In the order of the images: the path of the mask, or an error if the image has no mask or
        more than one.

    Raises:
        InputError: there is no mask.
    """
    masks = find_images(spec, argument=argument)
    if len(masks) == 1 and not os.path.isdir(expand_user(spec)):
        return [masks[0]] * len(image_paths)
    return [_match(path, masks, spec=spec, argument=argument) for path in image_paths]


def _match(
    image: Path, masks: Sequence[Path], *, spec: str | os.PathLike, argument: str
) -> Path | InputError:
    matching = [mask for mask in masks if mask.stem == image.stem]
    if len(matching) > 1:
        matching = [mask for mask in matching if mask.name == image.name] or matching
    if len(matching) != 1:
        return InputError(
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

    Colours become grey, and transparent pixels become white (known), as in `load_image`. The
    mask is cropped to its central square, as `fit` crops the image, and resized to the nearest
    pixel. A square mask fits every image because it covers the cropped square.

    Args:
        path: Path of the mask file.
        resolution: Side of the result in pixels.
        aspect: Width and height of the image before cropping; None accepts any shape.
        argument: Name of the user's argument, for errors.

    Returns:
        bool [resolution, resolution, 1], True = missing.

    Raises:
        InputError: the file cannot be read, a mask that is not square differs in shape from the
            image, or the mask hides the whole image.
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
    missing = crop_square(levels < 128)
    nearest = (2 * np.arange(resolution) + 1) * len(missing) // (2 * resolution)
    missing = missing[nearest][:, nearest]
    check_any_known(missing, argument=argument, path=str(path))
    return missing


def check_mask(mask: np.ndarray, *, resolution: int, argument: str = "masks") -> np.ndarray:
    """Checks a mask array, True = missing.

    Args:
        mask: bool [resolution, resolution] or [resolution, resolution, C] with equal channels.
        resolution: Side of the image in pixels.
        argument: Name of the user's argument, for errors.

    Returns:
        bool [resolution, resolution, 1].

    Raises:
        InputError: the mask has another shape, its channels differ, or it hides the whole image.

    Example:
        >>> check_mask(np.eye(4, dtype=bool), resolution=4).shape
        (4, 4, 1)
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
    check_any_known(missing, argument=argument, shape=shape)
    # Pillow makes arrays of 1-bit images in which True is stored as 255. Compiled code would
    # compute with 255.
    return missing[..., :1].view(np.uint8) != 0


def check_any_known(missing: np.ndarray, *, argument: str, **received) -> None:
    """Checks that a mask leaves at least one pixel known.

    Args:
        missing: bool, True = missing.
        argument: Name of the user's argument, for errors.
        **received: Values to show in the error.

    Raises:
        InputError: every pixel is missing.
    """
    if missing.all():
        raise InputError(
            argument,
            "must leave a part of the image known; black (True in arrays) is missing and white "
            "(False) is known",
            remedy="Invert the mask if it has black and white exchanged",
            **received,
        )


def _same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    # Sides that were scaled and rounded to whole pixels differ by up to one pixel.
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(other)
