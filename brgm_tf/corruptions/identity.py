"""The identity: the measurement is the image."""

from __future__ import annotations

import dataclasses

from brgm_tf.core.lazy import tf
from brgm_tf.corruptions.base import Corruption


@dataclasses.dataclass(frozen=True, repr=False)
class Identity(Corruption):
    """The image itself: forward(x) = x.

    The restoration is an inversion: the generator's image nearest to x. `composite` is None,
    because all pixels are known.

    Example:
        >>> from brgm_tf import Identity
        >>> Identity()
        none()
        >>> Identity().measurement_shape((8, 8, 3))
        (8, 8, 3)

    Reference: BRGM TF1 forwardModels.py, ForwardNone.
    """

    keeps_pixels = True

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns x."""
        return tf.convert_to_tensor(x)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y = y."""
        return tf.convert_to_tensor(y)

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor | None:
        """Returns the mask itself."""
        return known
