"""Corruptions along the slices of a volume."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.corruptions.volume.missing_slices import MissingSlices as MissingSlices
    from brgm_tf.corruptions.volume.thick_slices import ThickSlices as ThickSlices

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "MissingSlices": "missing_slices",
        "ThickSlices": "thick_slices",
    },
)
