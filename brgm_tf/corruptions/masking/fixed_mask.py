"""What masks have in common that are made by a rule, not read from files."""

from __future__ import annotations

import abc
import dataclasses

import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, number
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.masking.mask import MissingPixels


@dataclasses.dataclass(frozen=True, eq=False)  # arrays compare by element
class BoundMask(MissingPixels):
    """The same mask for all images, of one size.

    Args:
        fill: value of missing pixels in [-1, 1].
        missing: bool [1, H, W, 1], True = missing.
    """

    fill: float
    missing: np.ndarray = dataclasses.field(repr=False)

    def get_config(self) -> dict:
        """{'fill': ..., 'missing': ...}."""
        return {"fill": self.fill, "missing": self.missing}

    def _missing_in(self, x):
        del x
        return tf.constant(self.missing)

    def _missing_after(self, known):
        return self._missing_in(known)


class FixedMask(MissingPixels):
    """The same pixels of every image of the run are missing, see `MissingPixels`.

    A subclass is a frozen dataclass whose fields besides `fill` are the arguments of its
    rule `missing_map`.
    """

    def __post_init__(self):
        object.__setattr__(self, "fill", checked("fill", self.fill, number(-1, 1)))

    @abc.abstractmethod
    def missing_map(self, height: int, width: int) -> np.ndarray:
        """bool [height, width], True = missing."""

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the images.

        Raises:
            InputError: of images of this size nothing would be missing, or nothing known.
        """
        *_, height, width, _ = image_shape
        missing = self.missing_map(height, width)
        if missing.all() or not missing.any():
            raise InputError(
                "corruption",
                f"{type(self).__name__} hides {'all' if missing.all() else 'none'} of the "
                f"image's {height} x {width} pixels",
                remedy="Change its parameters",
                **self.get_config(),
            )
        return tuple(image_shape)

    def of_images(self, image_shape: tuple[int, ...]) -> Corruption:
        """A mask whose pixels are known before an image is seen."""
        missing = self.missing_map(*image_shape[-3:-1])
        return BoundMask(self.fill, missing[None, :, :, None])

    def _missing_after(self, known):
        if known is None:
            raise TypeError(f"{type(self).__name__} is for images of any size: use of_images.")
        return self._missing_in(known)

    def _missing_in(self, x):
        return tf.constant(self.missing_map(*x.shape[1:3])[None, :, :, None])
