"""Missing pixels: the corruption of in-painting."""

from __future__ import annotations

import abc
import dataclasses

import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, number
from brgm_tf.corruptions.base import Corruption


class MissingPixels(Corruption):
    """Some pixels are missing, in all channels: forward(x) = fill where missing, x elsewhere.

    Affine: A x = 0 where missing, x elsewhere. The fill is what a feature extractor
    sees in the hole; `log_prob` does not count it. With a fill of 0, the middle of the
    range, it is DeepInverse's `Inpainting`, whose masks are 1 where known. A subclass has
    the field `fill`, and says in `_missing_in` which pixels are missing.
    """

    fill: float

    keeps_pixels = True

    def forward(self, x):
        """f(x), the shape of x."""
        x = tf.convert_to_tensor(x)
        return tf.where(self._missing_in(x), tf.cast(self.fill, x.dtype), x)

    def adjoint(self, y):
        """A^T y = 0 where missing, y elsewhere."""
        y = tf.convert_to_tensor(y)
        return tf.where(self._missing_in(y), tf.zeros_like(y), y)

    def propagate_mask(self, known):
        """What was known and is not missing."""
        present = ~self._missing_after(known)
        return present if known is None else known & present

    def observation_mask(self, y):
        """1 - missing, [B or 1, H, W, 1]."""
        return tf.cast(~self._missing_in(y), y.dtype)

    def fill_unobserved(self, y):
        """y where it is known, the fill where it is missing."""
        return self.forward(y)

    def composite(self, y, x):
        """y where it is known, x where it is missing."""
        return tf.where(self._missing_in(y), x, y)

    @abc.abstractmethod
    def _missing_in(self, x):
        """bool [B or 1, H, W, 1] for images or measurements x, True = missing."""

    @abc.abstractmethod
    def _missing_after(self, known):
        """The same for images of which `known` (see `propagate_mask`) is known, or None."""


@dataclasses.dataclass(frozen=True, eq=False)  # tensors compare by element, not to a bool
class Mask(MissingPixels):
    """The pixels of a mask that comes with each image are missing, see `MissingPixels`.

    Args:
        fill: value of missing pixels in [-1, 1], default 1.0: white, as in the TF1
            code. The PyTorch code fills with 1 too, but on [0, 255]: nearly black,
            -0.992 here.
        missing: bool [B or 1, H, W, 1], True = missing; None until `with_data`.

    Raises:
        InputError: fill is no number in [-1, 1], or missing no such array.

    Reference: BRGM TF1 forwardModels.py, ForwardFillMask; brgm-pytorch
    forwardModels.py, ForwardFillMask.
    """

    fill: float = 1.0
    missing: object = dataclasses.field(default=None, repr=False)

    data_names = ("missing",)

    def __post_init__(self):
        object.__setattr__(self, "fill", checked("fill", self.fill, number(-1, 1)))
        if self.missing is not None:
            object.__setattr__(self, "missing", _checked_mask(self.missing))

    def get_config(self) -> dict:
        """{'fill': ...}."""
        return {"fill": self.fill}

    def _missing_in(self, x):
        """The mask, once it is known to belong to x: tf.where would broadcast any."""
        missing = self._bound()
        (batch, *size), (images, *image_size) = missing.shape[:3], x.shape[:3]
        # Sizes that are unknown while tracing are not judged.
        fits = _agree(batch, images) or batch == 1
        if not fits or not all(map(_agree, size, image_size)):
            raise InputError(
                "missing",
                f"must be one mask, or one for each of {images} images, of "
                f"{' x '.join(map(str, image_size))} pixels",
                shape=tuple(missing.shape),
            )
        return missing

    def _missing_after(self, known):
        del known
        return self._bound()

    def _bound(self):
        if self.missing is None:
            raise TypeError("Mask has no mask: bind one by with_data(missing=...).")
        return self.missing


def _agree(a: int | None, b: int | None) -> bool:
    return a is None or b is None or a == b


def _checked_mask(missing):
    missing = tf.convert_to_tensor(missing)
    if missing.dtype != tf.bool or missing.shape.rank != 4 or missing.shape[-1] != 1:
        raise InputError(
            "missing",
            "must be a bool array [B or 1, H, W, 1], True = missing",
            dtype=missing.dtype.name,
            shape=tuple(missing.shape),
        )
    return missing
