"""Sensitivity maps of receiver coils from files. This module does not import TensorFlow."""

from __future__ import annotations

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import check_values, map_array, reading

ARGUMENT = "sensitivities"
MAX_COILS = 256


def load_sensitivities(path: str) -> np.ndarray:
    """Loads the maps of coils, complex128 [H, W, coils].

    Args:
        path: Path of a .npy file with complex numbers.

    Raises:
        InputError: The file is missing or damaged, or does not hold finite complex numbers
            [H, W, coils] with at most 256 coils.
    """
    with reading(ARGUMENT, "a .npy file", path=path):
        array = map_array(path)
        if array.dtype.kind != "c" or array.ndim != 3 or not 1 <= array.shape[2] <= MAX_COILS:
            raise InputError(
                ARGUMENT,
                f"must hold complex numbers [H, W, coils], at most {MAX_COILS} coils",
                sensitivities=path,
                dtype=str(array.dtype),
                shape=tuple(array.shape),
            )
        maps = np.array(array, np.complex128)
    check_values(maps, argument=ARGUMENT, path=path)
    return maps
