"""Missing pixels: the corruption of in-painting."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.common_parameters import fill_parameter


class MissingPixels(Corruption):
    """Some pixels are missing in all channels: forward(x) = fill if missing, else x.

    Affine: A x = 0 if missing, else x. A feature extractor sees the fill in the hole; `log_prob`
    does not count it. With a fill of 0, the middle of the range, it is DeepInverse's `Inpainting`,
    whose masks are 1 for known pixels. A subclass has the field `fill` and states the missing
    pixels in `_missing_in` and `_missing_after`.
    """

    fill: float

    keeps_pixels = True
    hides_pixels = True

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), with the shape of x."""
        x = tf.convert_to_tensor(x)
        return tf.where(self._missing_in(x), tf.cast(self.fill, x.dtype), x)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y = 0 if missing, else y."""
        y = tf.convert_to_tensor(y)
        return tf.where(self._missing_in(y), tf.zeros_like(y), y)

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor:
        """Returns True for known pixels that are not missing."""
        present = ~self._missing_after(known)
        return present if known is None else known & present

    def observation_mask(self, y: tf.Tensor) -> tf.Tensor:
        """Returns 1 - missing, [B or 1, H, W, 1]."""
        return tf.cast(~self._missing_in(y), y.dtype)

    def fill_unobserved(self, y: tf.Tensor) -> tf.Tensor:
        """Returns the fill if missing, else y."""
        return self.forward(y)

    @abc.abstractmethod
    def _missing_in(self, x: tf.Tensor) -> tf.Tensor:
        """Returns bool [B or 1, H, W, 1] for images or measurements x, True = missing."""

    @abc.abstractmethod
    def _missing_after(self, known: tf.Tensor | None) -> tf.Tensor:
        """Returns the same for images with a mask `known`; see `propagate_mask`."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)  # tensors have no == that is a bool
class Mask(MissingPixels):
    """The pixels of a mask are missing; each image brings its mask. See `MissingPixels`.

    Args:
        fill: Value of missing pixels in [-1, 1], default 1.0: white, as in the TF1 code. The
            PyTorch code also fills with 1, but on [0, 255], which is nearly black, -0.992 here.
        missing: bool [B or 1, H, W, 1], True = missing; None until `with_data` binds it.

    Raises:
        InputError: fill is not in [-1, 1], or missing is another array.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Mask
        >>> missing = np.array([[True, False]])
        >>> Mask(fill=-1.0).simulate(np.zeros([1, 2, 1]), missing=missing).tolist()
        [[[-1.0], [0.0]]]

    Reference: BRGM TF1 forwardModels.py, ForwardFillMask; brgm-pytorch forwardModels.py,
    ForwardFillMask.
    """

    fill: float = fill_parameter()
    missing: Any = dataclasses.field(default=None, repr=False)

    data_names = ("missing",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.missing is not None:
            object.__setattr__(self, "missing", _checked_mask(self.missing))

    def _missing_in(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the mask after a check that it belongs to x, because tf.where broadcasts."""
        missing = self._bound()
        (batch, *size), (images, *image_size) = missing.shape[:3], x.shape[:3]
        # Sizes that are unknown while tracing are not compared.
        fits = _agree(batch, images) or batch == 1
        if not fits or not all(map(_agree, size, image_size)):
            raise InputError(
                "missing",
                f"must be one mask, or one for each of {images} images, of "
                f"{' x '.join(map(str, image_size))} pixels",
                shape=tuple(missing.shape),
            )
        return missing

    def _missing_after(self, known: tf.Tensor | None) -> tf.Tensor:
        del known
        return self._bound()

    def _bound(self) -> tf.Tensor:
        if self.missing is None:
            raise TypeError("Mask has no mask: bind one by with_data(missing=...).")
        return self.missing


def _agree(a: int | None, b: int | None) -> bool:
    return a is None or b is None or a == b


def _checked_mask(missing: Any) -> tf.Tensor:
    missing = tf.convert_to_tensor(missing)
    if missing.dtype != tf.bool or missing.shape.rank != 4 or missing.shape[-1] != 1:
        raise InputError(
            "missing",
            "must be a bool array [B or 1, H, W, 1], True = missing",
            dtype=missing.dtype.name,
            shape=tuple(missing.shape),
        )
    return missing
