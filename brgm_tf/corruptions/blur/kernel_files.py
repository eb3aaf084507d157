"""Kernels from files. This module does not import TensorFlow."""

from __future__ import annotations

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import check_values, load_real

SUFFIXES = (".npy", ".png")
MAX_SIDE = 2048  # of a kernel, because images are not larger


def load_kernel(path: str) -> np.ndarray:
    """Reads a kernel [K, L] as float64.

    Args:
        path: Path of a .npy file with real numbers, or of a grey .png file, whose samples are
            divided by 255, or by 65535 if they have 16 bits.

    Raises:
        InputError: The file is missing or damaged, or does not hold finite numbers [K, L] with K
            and L in [1, 2048], or holds zeros only.
    """

    def check_shape(shape: tuple[int, ...]) -> None:
        if len(shape) != 2 or not all(1 <= side <= MAX_SIDE for side in shape):
            raise InputError(
                "file",
                f"must hold a kernel [K, L] with K and L in [1, {MAX_SIDE}]",
                file=path,
                shape=tuple(shape),
            )

    kernel = load_real(path, argument="file", noun="kernel", check_shape=check_shape)
    check_values(kernel, argument="file", path=path)
    return kernel
