"""A blur that was measured: convolution with a kernel from a file."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import boolean, checked, file_name
from brgm_tf.corruptions.blur.convolution import Convolution
from brgm_tf.corruptions.blur.kernel_files import load_kernel


@dataclasses.dataclass(frozen=True, eq=False)  # a file may hold another kernel tomorrow
class KernelBlur(Convolution):
    """Images convolved with a kernel from a file: y = h * x, a point's image is h.

    The kernel is not flipped: both `scipy.signal.convolve2d` and DeepInverse's `Blur` take it
    so. An even number of rows or columns has its centre before the middle, (K - 1) // 2, as in
    SciPy with mode="same"; DeepInverse has it behind the middle, K // 2.

    Args:
        file: path of a .npy file, real numbers [K, L], or of a grey .png file, whose samples
            are divided by the largest that it could hold. It is read once, here.
        normalise: whether h is divided by its sum (default): a constant image stays what it
            is. Otherwise contrast about mid-grey, where x = 0, is scaled by the sum.
        border: how the image goes on beyond its edges: 'reflect' (default), 'circular' or
            'zero' (mid-grey); see `convolution`.

    Attributes:
        kernel: h, float64 [K, L], read-only.

    Raises:
        InputError: the file is missing or holds no such kernel, normalise is no bool, the
            sum to be divided by is not positive, or border is none of the three.
    """

    file: str
    normalize: bool = True
    border: str = "reflect"
    kernel: np.ndarray = dataclasses.field(init=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "file", checked("file", self.file, file_name(".npy", ".png")))
        checked("normalize", self.normalize, boolean)
        super().__post_init__()
        kernel = load_kernel(self.file)
        if self.normalize:
            kernel = _normalised(kernel, file=self.file)
        kernel.flags.writeable = False
        object.__setattr__(self, "kernel", kernel)

    @property
    def size(self):
        """That of the kernel."""
        return self.kernel.shape

    def kernel_of(self, x):
        """The kernel."""
        return tf.constant(self.kernel, x.dtype)

    def get_config(self) -> dict:
        """{'file': ..., 'normalise': ..., 'border': ...}."""
        return {"file": self.file, "normalize": self.normalize, "border": self.border}


def _normalised(kernel: np.ndarray, *, file: str) -> np.ndarray:
    total = kernel.sum()
    # Against rounding, too: a kernel that sums to 1e-17 would become one of 1e17.
    if not total > 1e-6 * np.abs(kernel).sum():
        raise InputError(
            "file",
            "must hold a kernel of a positive sum",
            remedy="Give normalise=False to take it as it is",
            file=file,
            sum=float(total),
        )
    return kernel / total
