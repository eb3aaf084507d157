"""Fewer pixels, and pixels of another grid."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.corruptions.resolution.align import Align as Align
    from brgm_tf.corruptions.resolution.downsample import Downsample as Downsample
    from brgm_tf.corruptions.resolution.regrid import Regrid as Regrid
    from brgm_tf.corruptions.resolution.resampling import MATRICES as MATRICES

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Align": "align",
        "Downsample": "downsample",
        "MATRICES": "resampling",
        "Regrid": "regrid",
    },
)
