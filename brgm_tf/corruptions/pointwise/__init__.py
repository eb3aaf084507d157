"""Corruptions of colours and grey levels, and JPEG compression."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.corruptions.pointwise.bayer import Bayer as Bayer
    from brgm_tf.corruptions.pointwise.clip import Clip as Clip
    from brgm_tf.corruptions.pointwise.gain import Gain as Gain
    from brgm_tf.corruptions.pointwise.gamma import Gamma as Gamma
    from brgm_tf.corruptions.pointwise.grayscale import Grayscale as Grayscale
    from brgm_tf.corruptions.pointwise.jpeg import Jpeg as Jpeg
    from brgm_tf.corruptions.pointwise.quantise import Quantise as Quantise

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Bayer": "bayer",
        "Clip": "clip",
        "Gain": "gain",
        "Gamma": "gamma",
        "Grayscale": "grayscale",
        "Jpeg": "jpeg",
        "Quantise": "quantise",
    },
)
