"""Masks, bool [H, W, 1] with True = missing: reading and checks."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterator

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.decoding import Decoded, decode
from brgm_tf.io.discovery import not_found_error
from brgm_tf.io.images import convert_channels, crop_square, enlarging_weights

_KNOWN = 128  # the smallest grey level of a known pixel
# Weight of a missing pixel that enlarging may give to a known pixel: half a grey level.
_MAX_WEIGHT = 0.5 / 255
# A mask is doubtful if more than this fraction differs from black and white by more levels.
_MAX_GREY, _BLACK = 0.1, 32


# Reading.


@dataclasses.dataclass(frozen=True)
class _MaskFile:
    """The contents of a mask file.

    Args:
        missing: bool [H, W], True = missing.
        notes: Lines of text for the user.
        remedy: Advice if the mask hides nothing.
        darkest, lightest: Extreme grey levels.
    """

    missing: np.ndarray
    notes: tuple[str, ...]
    remedy: str
    darkest: float
    lightest: float


def check_mask_file(path: str | os.PathLike, *, argument: str = "masks") -> None:
    """Checks that a mask file can be read, hides a part of the image and leaves a part known.

    Raises:
        InputError: the mask cannot be used for any image.
    """
    mask = _read(path, argument=argument)
    _check_part(mask.missing, mask, path=path, argument=argument)


def mask_notes(path: str | os.PathLike, *, argument: str = "masks") -> tuple[str, ...]:
    """Returns lines of text that tell the user how a doubtful mask file is read."""
    return _read(path, argument=argument).notes


def read_missing(path: str | os.PathLike, *, argument: str = "masks") -> np.ndarray:
    """Returns the missing pixels of a mask file at its size, bool [H, W], True = missing.

    Raises:
        InputError: the file cannot be read.
    """
    return _read(path, argument=argument).missing


def load_mask(
    path: str | os.PathLike,
    *,
    resolution: int,
    aspect: tuple[int, int] | None = None,
    side: int | None = None,
    argument: str = "masks",
) -> np.ndarray:
    """Reads a mask file: black (grey level below 128) is missing, all else is known.

    Colours become grey, and transparent pixels become white (known), as in `load_image`. A mask
    of the values 0 and 1 is read as black and white. The mask is cropped to its central square,
    as `fit` crops the image. A pixel of the result is missing if any part of it is missing, so
    that thin lines remain. A square mask fits every image because it covers the cropped square.

    Args:
        path: Path of the mask file.
        resolution: Side of the result in pixels.
        aspect: Width and height of the image before cropping; None accepts any shape.
        side: Side in pixels of the cropped damaged picture, which `fit` resizes to `resolution`.
            Every pixel that `fit` mixes with a missing pixel is missing. None if no damaged
            picture is resized.
        argument: Name of the user's argument, for errors.

    Returns:
        bool [resolution, resolution, 1], True = missing.

    Raises:
        InputError: the file cannot be read, a mask that is not square differs in shape from the
            image, or the mask hides the whole image or nothing.
    """
    mask = _read(path, argument=argument)
    height, width = mask.missing.shape
    if width != height and aspect is not None and not _same_shape((width, height), aspect):
        raise InputError(
            argument,
            f"must be square or have the shape of the image, {aspect[0]} x {aspect[1]}",
            remedy="Make the mask on a copy of the image",
            path=str(path),
            width=width,
            height=height,
        )
    missing = crop_square(mask.missing)
    if side is None:
        missing = _cover(missing, resolution)[..., None]
    else:
        missing = resize_missing(_cover(missing, side), resolution=resolution)
    _check_part(missing, mask, path=path, argument=argument)
    return missing


def resize_missing(missing: np.ndarray, *, resolution: int) -> np.ndarray:
    """Returns the pixels into which `images.fit` mixes a missing pixel of a damaged picture.

    Args:
        missing: bool [h, h], True = missing.
        resolution: Side of the result in pixels.

    Returns:
        bool [resolution, resolution, 1].

    Example:
        >>> resize_missing(np.eye(3, dtype=bool), resolution=2)[..., 0].tolist()
        [[True, True], [True, True]]
    """
    if len(missing) >= resolution:
        return _cover(missing, resolution)[..., None]
    # Absolute values: weights of opposite signs do not make a pixel known.
    weights = np.abs(enlarging_weights(len(missing), resolution=resolution))
    return (weights @ missing.astype(np.float32) @ weights.T > _MAX_WEIGHT)[..., None]


def _cover(missing: np.ndarray, size: int) -> np.ndarray:
    """Returns bool [size, size]: whether any part of a pixel lies in a missing pixel of [n, n]."""
    for _ in range(2):
        n = len(missing)
        if n != size:
            edges = np.arange(size + 1) * n
            ranges = np.stack([edges[:-1] // size, -(-edges[1:] // size)], axis=-1).ravel()
            # The added row lets the last range end at the border.
            padded = np.pad(missing, ((0, 1), (0, 0)))
            missing = np.logical_or.reduceat(padded, ranges, axis=0)[::2]
        missing = np.ascontiguousarray(missing.T)
    return missing


def _read(path: str | os.PathLike, *, argument: str) -> _MaskFile:
    """Reads a mask file, once if it serves many images."""
    try:
        state = os.stat(path)
    except OSError:
        raise not_found_error(os.fspath(path), argument=argument) from None
    return _read_once(os.fspath(path), state.st_mtime_ns, state.st_size, argument)


@functools.lru_cache(maxsize=2)
def _read_once(path: str, modified: int, size: int, argument: str) -> _MaskFile:
    decoded = decode(path, argument=argument)
    levels = convert_channels(decoded.levels, channels=1)[..., 0]
    low, high = float(levels.min()), float(levels.max())
    if low == 0 < high <= 1:  # The values 0 and 1.
        levels = levels * (255 / high)
    remedy = "Paint the missing pixels black"
    if decoded.alpha is not None and (decoded.alpha < 1).any():
        remedy = "Transparent pixels count as known: make the missing pixels black and opaque"
    elif np.ptp(decoded.colours, axis=-1).any():
        remedy = "Colours count by their luma: paint the missing pixels black"
    _check_meaning(decoded, path=path, argument=argument)
    notes = (*decoded.notes, *_doubts(decoded, levels))
    return _MaskFile(levels < _KNOWN, notes, remedy, low, high)


def _check_meaning(decoded: Decoded, *, path: str, argument: str) -> None:
    """Checks that transparent pixels of a mask can only be meant as known.

    Black strokes on a transparent layer mark the missing pixels. A hole that is erased in a black
    sheet or in a coloured picture means the opposite.

    Raises:
        InputError: the missing pixels may be the transparent ones.
    """
    if decoded.alpha is None or not (decoded.alpha < 1).any():
        return
    opaque = decoded.alpha[..., 0] >= 0.5
    greys = convert_channels(decoded.colours, channels=1)[..., 0][opaque]
    has_white = (greys >= 255 - _BLACK).any()
    is_picture = np.sum((greys > _BLACK) & (greys < 255 - _BLACK)) > _MAX_GREY * opaque.sum()
    is_black_sheet = not has_white and opaque.mean() > 0.5
    if is_picture or is_black_sheet:
        raise InputError(
            argument,
            "must be black where pixels are missing and white where they are known; this mask has "
            "transparent pixels that may be the missing ones",
            remedy="Fill the background of the mask with white. For a picture with transparent "
            "holes, give the picture as the input, and alpha as the masks",
            path=path,
            transparent=f"{1 - opaque.mean():.0%}",
        )


def _doubts(decoded: Decoded, levels: np.ndarray) -> Iterator[str]:
    """Yields a line of text for each property of a mask that makes its meaning doubtful."""
    grey = np.mean((levels > _BLACK) & (levels < 255 - _BLACK))
    if grey > _MAX_GREY:
        yield (
            f"{grey:.0%} of the mask is neither black nor white; grey levels below {_KNOWN} are "
            "missing"
        )
    if decoded.alpha is None:
        return
    opaque = decoded.alpha[..., 0] >= 0.5
    is_black = convert_channels(decoded.colours, channels=1)[..., 0] < _KNOWN
    # Black strokes on transparency have no white. White paint says that black is missing.
    if (opaque & ~is_black).any() and (is_black & ~opaque).any():
        yield (
            f"{np.mean(is_black & ~opaque):.1%} of the mask is black but transparent, and counts "
            "as known"
        )


# Checks.


def _check_part(
    missing: np.ndarray, mask: _MaskFile, *, path: str | os.PathLike, argument: str
) -> None:
    """Checks that a mask hides a part of the image, and leaves a part known."""
    received = {"path": str(path), "darkest": mask.darkest, "lightest": mask.lightest}
    check_any_known(missing, argument=argument, **received)
    check_any_missing(missing, argument=argument, remedy=mask.remedy, **received)


def check_mask(mask: np.ndarray, *, resolution: int, argument: str = "masks") -> np.ndarray:
    """Checks a mask array, True = missing.

    Args:
        mask: bool [resolution, resolution] or [resolution, resolution, C] with equal channels.
        resolution: Side of the image in pixels.
        argument: Name of the user's argument, for errors.

    Returns:
        bool [resolution, resolution, 1].

    Raises:
        InputError: the mask has another shape, its channels differ, or it hides the whole image
            or nothing.

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
    check_any_missing(missing, argument=argument, shape=shape)
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


def check_any_missing(
    missing: np.ndarray, *, argument: str, remedy: str = "Mark the missing pixels", **received
) -> None:
    """Checks that a mask hides at least one pixel.

    Args:
        missing: bool, True = missing.
        argument: Name of the user's argument, for errors.
        remedy: Advice for the user.
        **received: Values to show in the error.

    Raises:
        InputError: no pixel is missing.
    """
    if not missing.any():
        raise InputError(
            argument,
            "must hide a part of the image's central square; black (True in arrays) is missing "
            "and white (False) is known",
            remedy=remedy,
            **received,
        )


def _same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    # Sides that were scaled and rounded to whole pixels differ by up to one pixel.
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(other)
