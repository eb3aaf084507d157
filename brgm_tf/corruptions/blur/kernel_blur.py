"""Measured blur: convolution with a kernel from a file."""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import boolean, file_name
from brgm_tf.corruptions.blur.convolution import Convolution
from brgm_tf.corruptions.blur.kernel_files import SUFFIXES, load_kernel
from brgm_tf.corruptions.common_parameters import border_parameter


@dataclasses.dataclass(frozen=True, eq=False, repr=False)  # the file may change
class KernelBlur(Convolution):
    """Blur with a kernel from a file: y = h * x, and the image of a point is h.

    The kernel is not flipped, as in `scipy.signal.convolve2d` and DeepInverse's `Blur`. The centre
    of an even number of rows or columns is before the middle, (K - 1) // 2, as in SciPy with
    mode="same". In DeepInverse it is behind the middle, K // 2.

    Args:
        file: Path of a .npy file with real numbers [K, L], or of a grey .png file, whose samples
            are divided by the largest sample of its bit depth. The constructor reads it once.
        normalize: Whether h is divided by its sum (default), so a constant image does not change.
            Otherwise the contrast about mid-grey, x = 0, is scaled by the sum.
        border: Continuation of the image beyond its edges: 'reflect' (default), 'circular' or
            'zero' (mid-grey); see `convolution`.

    Attributes:
        kernel: h, float64 [K, L], read-only.

    Raises:
        InputError: The file is missing or holds another array, normalize is not a bool, the sum to
            divide by is not positive, or border has another value.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> from brgm_tf import KernelBlur
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "kernel.npy")
        ...     np.save(path, np.ones([3, 3]))
        ...     blur = KernelBlur(path)
        >>> round(float(blur.kernel[0, 0]), 4)
        0.1111
    """

    file: str = parameter(
        file_name(*SUFFIXES), "Kernel: .npy array or grey .png", suffixes=SUFFIXES
    )
    normalize: bool = parameter(boolean, "Whether the kernel is divided by its sum", default=True)
    border: str = border_parameter()
    kernel: np.ndarray = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        kernel = load_kernel(self.file)
        if self.normalize:
            kernel = _normalized(kernel, file=self.file)
        kernel.flags.writeable = False
        object.__setattr__(self, "kernel", kernel)

    @property
    def size(self) -> tuple[int, int]:
        """Shape of the kernel."""
        return self.kernel.shape

    def kernel_of(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the kernel."""
        return tf.constant(self.kernel, x.dtype)


def _normalized(kernel: np.ndarray, *, file: str) -> np.ndarray:
    total = kernel.sum()
    # The tolerance excludes rounding: a sum of 1e-17 would become a factor of 1e17.
    if not total > 1e-6 * np.abs(kernel).sum():
        raise InputError(
            "file",
            "must hold a kernel of a positive sum",
            remedy="Give normalize=False to use the kernel as it is",
            file=file,
            sum=float(total),
        )
    return kernel / total
