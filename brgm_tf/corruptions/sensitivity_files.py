"""Sensitivity maps of receiver coils from files. TensorFlow is not imported here."""

from __future__ import annotations

import numpy as np

from brgm_tf.errors import InputError

MAX_COILS = 256


def load_sensitivities(path: str) -> np.ndarray:
    """Reads the maps of coils, complex128 [H, W, coils].

    Args:
        path: a .npy file of complex numbers.

    Raises:
        InputError: the file is missing or damaged, or holds no finite complex numbers
            [H, W, coils], at most 256 coils.
    """
    try:
        # Mapped, so that nothing is allocated for what a damaged header claims.
        array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise InputError("sensitivities", "must exist", sensitivities=path) from None
    except Exception as error:
        # On damaged files the reader raises struct.error, EOFError, SyntaxError and more.
        raise InputError(
            "sensitivities",
            "must be a .npy file that can be read",
            sensitivities=path,
            reason=str(error) or type(error).__name__,
        ) from None
    if array.dtype.kind != "c" or array.ndim != 3 or not 1 <= array.shape[2] <= MAX_COILS:
        raise InputError(
            "sensitivities",
            f"must hold complex numbers [H, W, coils], at most {MAX_COILS} coils",
            sensitivities=path,
            dtype=str(array.dtype),
            shape=tuple(array.shape),
        )
    maps = np.array(array, np.complex128)
    if not np.isfinite(maps).all() or not maps.any():
        raise InputError(
            "sensitivities", "must hold finite numbers, not all of them 0", sensitivities=path
        )
    return maps
