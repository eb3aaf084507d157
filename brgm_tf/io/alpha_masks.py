"""Masks from the transparency of pictures: transparent pixels are missing."""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameters import check_fields
from brgm_tf.io.images import crop_square
from brgm_tf.io.masks import check_any_known, check_any_missing, resize_missing
from brgm_tf.io.sources import Content


@dataclasses.dataclass(frozen=True)
class AlphaDetector:
    """Detector of the mask of each picture by its transparency.

        missing = alpha < 1

    A pixel is missing if any part of it is transparent, because its colour is then mixed.

    Example:
        >>> picture = np.zeros((2, 2, 3), np.float32)
        >>> alpha = np.array([[0.5, 1], [1, 1]], np.float32)[..., None]
        >>> missing = AlphaDetector().detect(Content(picture, alpha=alpha), resolution=2, name="a")
        >>> missing[..., 0].tolist()
        [[True, False], [False, False]]
    """

    def __post_init__(self):
        check_fields(self)

    def detect(self, content: Content, *, resolution: int, name: str) -> np.ndarray:
        """Returns the mask of a picture whose central square is resized to `resolution`.

        Args:
            content: The picture, before any resizing.
            resolution: Side of the result in pixels.
            name: Name of the picture, for errors.

        Returns:
            bool [resolution, resolution, 1], True = missing.

        Raises:
            InputError: the picture has no transparent pixel, or no opaque one.
        """
        if content.alpha is None:
            raise InputError(
                "masks",
                f"must find transparent pixels, but {name} has no transparency",
                remedy="Erase missing pixels and save as PNG, TIFF or WebP, or give a mask file",
                picture=name,
            )
        transparent = crop_square(content.alpha)[..., 0] < 1
        received = {"picture": name, "transparent": f"{transparent.mean():.1%}"}
        missing = resize_missing(transparent, resolution=resolution)
        check_any_known(missing, argument="masks", **received)
        remedy = "Erase the missing pixels, or give a mask file"
        check_any_missing(missing, argument="masks", remedy=remedy, **received)
        return missing
