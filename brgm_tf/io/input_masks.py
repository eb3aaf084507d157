"""Masks of inputs: from files, volumes, arrays, or detected in the image."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.images import crop_square
from brgm_tf.io.mask_detection import Detector
from brgm_tf.io.masks import (
    check_any_known,
    check_any_missing,
    check_mask,
    load_mask,
    mask_notes,
    resize_missing,
)
from brgm_tf.io.medical import is_nifti, load_missing
from brgm_tf.io.requirements import InputRequirements
from brgm_tf.io.sources import Source

Mask = Path | np.ndarray | Detector | InputError


def check_mask_of(
    source: Source,
    mask: Mask | None,
    *,
    name: str,
    version: object,
    aspect: tuple[int, int],
    expected: InputRequirements,
) -> None:
    """Checks the mask of an image.

    Args:
        source: Source of the image.
        mask: Mask of the image; None without masks.
        name: Name of the image, for errors.
        version: Version of the mask's file.
        aspect: Width and height of the image before cropping.
        expected: Requirements of the image.

    Raises:
        InputError: the mask cannot be used or detected.
    """
    if isinstance(mask, Path) and not is_nifti(mask):
        side = _side_of_holes(aspect, expected)
        error = _mask_error(mask, version, aspect, side, expected.mask_resolution)
        if error is not None:
            raise error
    else:
        load_mask_of(source, mask, name=name, aspect=aspect, expected=expected)


def load_mask_of(
    source: Source,
    mask: Mask | None,
    *,
    name: str,
    aspect: tuple[int, int],
    expected: InputRequirements,
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the mask of an image, and lines of text for the user.

    Args:
        source, mask, name, aspect, expected: see `check_mask_of`.

    Returns:
        bool [M, M, 1], True = missing, with M = `expected.mask_resolution`, or None without masks;
        and the lines.

    Raises:
        InputError: the mask cannot be used or detected.
    """
    resolution = expected.mask_resolution
    if mask is None:
        return None, ()
    if isinstance(mask, InputError):
        raise mask
    if isinstance(mask, Detector):
        return _detect_mask(source, mask, name=name, expected=expected), ()
    if isinstance(mask, np.ndarray):
        return check_mask(mask, resolution=resolution), ()
    if is_nifti(mask):
        return _load_volume_mask(source, mask, resolution=resolution), ()
    side = _side_of_holes(aspect, expected)
    missing = load_mask(mask, resolution=resolution, aspect=aspect, side=side)
    return missing, mask_notes(mask)


# One mask may serve all images.
@functools.lru_cache(maxsize=16)
def _mask_error(
    path: Path, version: object, aspect: tuple[int, int], side: int | None, resolution: int
) -> InputError | None:
    """Returns the error of a mask file in the version that exists now."""
    del version
    try:
        load_mask(path, resolution=resolution, aspect=aspect, side=side)
    except InputError as error:
        return error
    return None


def _load_volume_mask(source: Any, path: Path, *, resolution: int) -> np.ndarray:
    """Returns a slice of a mask volume; a pixel is missing if any part of it is missing."""
    missing = resize_missing(crop_square(load_missing(path, source)), resolution=resolution)
    check_any_known(missing, argument="masks", path=str(path), slice=source.name.stem)
    remedy = "Set the missing voxels of the mask to 0, and the known ones to 1"
    check_any_missing(
        missing, argument="masks", remedy=remedy, path=str(path), slice=source.name.stem
    )
    return missing


def _side_of_holes(aspect: tuple[int, int], expected: InputRequirements) -> int | None:
    """Returns the side of a damaged picture that is resized; None for other pictures."""
    # Resizing mixes the colours of holes into the pixels beside them.
    is_resized = expected.is_damaged and expected.size == expected.mask_resolution
    return min(aspect) if is_resized else None


def _detect_mask(
    source: Source, detector: Detector, *, name: str, expected: InputRequirements
) -> np.ndarray:
    """Returns the mask detected in the original pixels and colours of the input."""
    if expected.size != expected.mask_resolution:
        raise InputError(
            "masks",
            "can be found only if the measurement has the size of the masked image, "
            f"{expected.mask_resolution} x {expected.mask_resolution} pixels",
            remedy="Give mask files",
            size=expected.size,
        )
    # Three channels for every generator: luma would mix up colours.
    content = source.load(channels=3)
    return detector.detect(content, resolution=expected.mask_resolution, name=name)
