"""Masks that a rule makes, the same for all images."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.corruptions.common_parameters import slice_seed
from brgm_tf.corruptions.masking.mask import MissingPixels


@dataclasses.dataclass(frozen=True, eq=False, repr=False)  # arrays have no == that is a bool
class BoundMask(MissingPixels):
    """One mask for all images of one size, or one mask for each slice of a volume.

    Args:
        fill: Value of missing pixels in [-1, 1].
        missing: bool [1, H, W, 1], or [S, H, W, 1] for the slices of a volume, True = missing.
    """

    fill: float
    missing: np.ndarray = dataclasses.field(repr=False)

    def _missing_in(self, x: tf.Tensor) -> tf.Tensor:
        del x
        return tf.constant(self.missing)

    def _missing_after(self, known: tf.Tensor | None) -> tf.Tensor:
        return self._missing_in(known)


class FixedMask(MissingPixels):
    """The same pixels are missing in every image of the run; see `MissingPixels`.

    A subclass is a frozen dataclass with the fields of its rule `missing_map` and `fill`.
    """

    @abc.abstractmethod
    def missing_map(self, height: int, width: int) -> np.ndarray:
        """Returns bool [height, width], True = missing."""

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the images.

        Raises:
            InputError: All pixels of images of this size would be missing, or none.
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

    def of_images(self, image_shape: tuple[int, ...]) -> BoundMask:
        """Returns the mask for one size, whose pixels are known without an image."""
        missing = self.missing_map(*image_shape[-3:-1])
        return BoundMask(self.fill, missing[None, :, :, None])

    def of_volume(
        self, volume_shape: tuple[int, ...], *, indices: Sequence[int] | None = None
    ) -> BoundMask:
        """Returns the masks of the slices; slice s of a mask with a seed has the seed + s."""
        num_slices, *image_shape = volume_shape
        if "seed" not in self.get_config():
            return self.of_images(tuple(image_shape))
        # Not an argument of `missing_map`, because masks without a seed have the same method.
        seed = self.get_config()["seed"]
        masks = [
            dataclasses.replace(self, seed=slice_seed(seed, index))  # type: ignore[type-var]
            for index in (range(num_slices) if indices is None else indices)
        ]
        missing = np.stack([mask.missing_map(*image_shape[:2]) for mask in masks])
        return BoundMask(self.fill, missing[..., None])

    def _missing_after(self, known: tf.Tensor | None) -> tf.Tensor:
        if known is None:
            raise TypeError(f"{type(self).__name__} is for images of any size: use of_images.")
        return self._missing_in(known)

    def _missing_in(self, x: tf.Tensor) -> tf.Tensor:
        return tf.constant(self.missing_map(*x.shape[1:3])[None, :, :, None])
