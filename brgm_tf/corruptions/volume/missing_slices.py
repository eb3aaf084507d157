"""Missing slices of a volume."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import MAX_INT, integer
from brgm_tf.corruptions.common_parameters import fill_parameter
from brgm_tf.corruptions.masking.fixed_mask import BoundMask
from brgm_tf.corruptions.masking.mask import MissingPixels


@dataclasses.dataclass(frozen=True, repr=False)
class MissingSlices(MissingPixels):
    """Every n-th slice of a volume is missing; see `MissingPixels`.

    The batch axis is the third axis of one volume. Slices n - 1, 2 n - 1, and so on are missing,
    counted from 0, so the first slice is known.

    Args:
        every: n, at least 2.
        fill: Value of missing slices in [-1, 1], default 1.0, white.

    Raises:
        InputError: every or fill is not in its range.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import MissingSlices
        >>> volume = np.zeros([5, 1, 1, 1], "float32")
        >>> MissingSlices(every=2, fill=-1.0).simulate(volume).ravel().tolist()
        [0.0, -1.0, 0.0, -1.0, 0.0]
    """

    every: int = parameter(
        integer(2, MAX_INT), "Distance between missing slices, in slices", typical=(2, 8, 2)
    )
    fill: float = fill_parameter()

    needs_volume = True

    def missing_slices(self, num_slices: int) -> np.ndarray:
        """Returns bool [num_slices], True = missing.

        Example:
            >>> MissingSlices(every=3).missing_slices(5).tolist()
            [False, False, True, False, False]
        """
        return np.arange(num_slices) % self.every == self.every - 1

    def of_volume(
        self, volume_shape: tuple[int, ...], *, indices: Sequence[int] | None = None
    ) -> BoundMask:
        """Returns the mask for volumes of one shape."""
        num_slices, height, width, _ = volume_shape
        indices = range(num_slices) if indices is None else indices
        missing = self.missing_slices(max(indices) + 1)[list(indices), None, None, None]
        return BoundMask(self.fill, np.tile(missing, [1, height, width, 1]))

    def num_measured_slices(self, num_slices: int) -> int:
        """Returns S.

        Raises:
            InputError: The volume has fewer slices than `every`, so that none is missing.
        """
        if num_slices < self.every:
            raise InputError(
                "corruption",
                f"missing_slices hides none of the {num_slices} slices of the volume",
                remedy="Choose a smaller number",
                every=self.every,
            )
        return num_slices

    def _missing_in(self, x: tf.Tensor) -> tf.Tensor:
        missing = tf.range(tf.shape(x)[0]) % self.every == self.every - 1
        shape = tf.concat([tf.shape(x)[:3], [1]], axis=0)
        return tf.broadcast_to(missing[:, None, None, None], shape)

    def _missing_after(self, known: tf.Tensor | None) -> tf.Tensor:
        if known is None:
            raise TypeError("MissingSlices is for volumes of any size: use of_volume.")
        return self._missing_in(known)
