"""Checks of the NumPy arrays that users simulate measurements of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import warn_of_unit_range
from brgm_tf.core.validation import MAX_INT, checked, integer

_ROUNDING = 1e-3  # float16 and interpolation leave the interval by less


def checked_images(x: Any) -> np.ndarray:
    """Returns images as an array [N, H, W, C].

    Raises:
        InputError: x holds no floats in [-1, 1], or its shape is neither [H, W, C] nor
            [N, H, W, C] with 1 or 3 channels.
    """
    images = np.asarray(x)
    if images.dtype == np.uint8:
        raise InputError(
            "x",
            "must hold floats in [-1, 1]",
            remedy="Write x / 127.5 - 1.0 for grey levels",
            dtype="uint8",
        )
    if images.dtype.kind != "f":
        raise InputError("x", "must hold floats in [-1, 1]", dtype=str(images.dtype))
    if images.ndim not in (3, 4) or images.shape[-1] not in (1, 3) or not images.size:
        remedy = "Write x[..., np.newaxis] for a grey image" if images.ndim == 2 else ""
        raise InputError(
            "x",
            "must have the shape [H, W, C] or [N, H, W, C] with 1 or 3 channels",
            remedy=remedy,
            shape=images.shape,
        )
    low, high = float(images.min()), float(images.max())
    if not -1.0 - _ROUNDING <= low <= high <= 1.0 + _ROUNDING:
        raise InputError(
            "x",
            "must hold floats in [-1, 1]",
            remedy="Scale or clip the images, such as by np.clip(x, -1, 1)",
            min=low,
            max=high,
        )
    # The user calls `simulate`, which calls this function.
    warn_of_unit_range(images, argument="x", stacklevel=4)
    return images if images.ndim == 4 else images[np.newaxis]


def checked_seed(seed: Any) -> int:
    """Returns a seed.

    Raises:
        InputError: The seed is not an integer in [0, 2^31).
    """
    return checked("seed", seed, integer(0, MAX_INT))


def checked_data(
    data: Mapping[str, Any], names: tuple[str, ...], shape: tuple[int, ...], count: int
) -> dict[str, np.ndarray]:
    """Returns masks as bool arrays [1 or N, H, W, 1].

    Args:
        data: Name -> mask, bool [H, W], [H, W, 1] or [N, H, W, 1].
        names: Names that the corruption takes.
        shape: Shape (H, W, C) of the images that the masks belong to.
        count: N.

    Raises:
        InputError: A name is missing or not taken, or a mask has another type or shape.
    """
    for name in names:
        if data.get(name) is None:
            raise InputError(name, "must be given, because the corruption has a mask")
    for name in data:
        if name not in names:
            known = ", ".join(names) or "no arrays"
            raise InputError(name, f"is not taken by the corruption, which takes {known}")
    return {name: _mask(name, data[name], shape, count) for name in names}


def _mask(name: str, value: Any, shape: tuple[int, ...], count: int) -> np.ndarray:
    mask = np.asarray(value)
    if mask.ndim == 2:
        mask = mask[..., np.newaxis]
    if mask.ndim == 3:
        mask = mask[np.newaxis]
    height, width = shape[:2]
    if mask.dtype != bool or mask.shape not in {(n, height, width, 1) for n in (1, count)}:
        raise InputError(
            name,
            f"must be bool [{height}, {width}], or one mask for each of {count} images, "
            f"[{count}, {height}, {width}, 1], True = missing",
            dtype=str(mask.dtype),
            shape=np.shape(value),
        )
    return mask
