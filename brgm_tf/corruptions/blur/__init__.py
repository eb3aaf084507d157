"""Blurs: convolutions of the image with a kernel."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.corruptions.blur.blur import Blur as Blur
    from brgm_tf.corruptions.blur.convolution import Convolution as Convolution
    from brgm_tf.corruptions.blur.disk_blur import DiskBlur as DiskBlur
    from brgm_tf.corruptions.blur.kernel_blur import KernelBlur as KernelBlur
    from brgm_tf.corruptions.blur.motion_blur import MotionBlur as MotionBlur

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Blur": "blur",
        "Convolution": "convolution",
        "DiskBlur": "disk_blur",
        "KernelBlur": "kernel_blur",
        "MotionBlur": "motion_blur",
    },
)
