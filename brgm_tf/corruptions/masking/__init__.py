"""Missing and covered pixels."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.corruptions.masking.box_mask import BoxMask as BoxMask
    from brgm_tf.corruptions.masking.fixed_mask import FixedMask as FixedMask
    from brgm_tf.corruptions.masking.half_mask import HalfMask as HalfMask
    from brgm_tf.corruptions.masking.mask import Mask as Mask
    from brgm_tf.corruptions.masking.mask import MissingPixels as MissingPixels
    from brgm_tf.corruptions.masking.occlusion import Occlusion as Occlusion
    from brgm_tf.corruptions.masking.random_mask import RandomMask as RandomMask
    from brgm_tf.corruptions.masking.scratches import Scratches as Scratches

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "BoxMask": "box_mask",
        "FixedMask": "fixed_mask",
        "HalfMask": "half_mask",
        "Mask": "mask",
        "MissingPixels": "mask",
        "Occlusion": "occlusion",
        "RandomMask": "random_mask",
        "Scratches": "scratches",
    },
)
