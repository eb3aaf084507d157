"""Reading and writing of pictures, masks, archives, k-space and medical files.

Only this room handles files and 8-bit pixels; the other rooms use float32 arrays.
"""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.io.discovery import find_images as find_images
    from brgm_tf.io.images import from_uint8 as from_uint8
    from brgm_tf.io.images import load_image as load_image
    from brgm_tf.io.images import save_image as save_image
    from brgm_tf.io.images import to_uint8 as to_uint8
    from brgm_tf.io.inputs import check as check
    from brgm_tf.io.inputs import load as load
    from brgm_tf.io.inputs import plan as plan
    from brgm_tf.io.mask_detection import find_missing as find_missing
    from brgm_tf.io.mask_matching import match_masks as match_masks
    from brgm_tf.io.masks import load_mask as load_mask
    from brgm_tf.io.output_folder import check_writable as check_writable
    from brgm_tf.io.photograph_writing import save_photograph as save_photograph
    from brgm_tf.io.photographs import read_photograph as read_photograph

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "check": "inputs",
        "check_writable": "output_folder",
        "find_images": "discovery",
        "find_missing": "mask_detection",
        "from_uint8": "images",
        "load": "inputs",
        "load_image": "images",
        "load_mask": "masks",
        "match_masks": "mask_matching",
        "plan": "inputs",
        "read_photograph": "photographs",
        "save_image": "images",
        "save_photograph": "photograph_writing",
        "to_uint8": "images",
    },
)
