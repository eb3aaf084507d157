"""The perceptual distance LPIPS and the loading of its weights."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS as PERCEPTUAL_WEIGHTS
    from brgm_tf.perceptual.loading import check_perceptual as check_perceptual
    from brgm_tf.perceptual.loading import load_perceptual as load_perceptual
    from brgm_tf.perceptual.loading import read_perceptual as read_perceptual
    from brgm_tf.perceptual.lpips import LPIPS as LPIPS
    from brgm_tf.perceptual.lpips import distance as distance

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "LPIPS": "lpips",
        "PERCEPTUAL_WEIGHTS": "loading",
        "check_perceptual": "loading",
        "distance": "lpips",
        "load_perceptual": "loading",
        "read_perceptual": "loading",
    },
)
