"""Kernels from files. TensorFlow is not imported here."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from brgm_tf.errors import InputError

MAX_SIDE = 2048  # no image is larger than a kernel of it
# Grey modes of Pillow for PNG, and their white.
_WHITE = {"1": 1, "L": 255, "I;16": 65535, "I": 65535}


def load_kernel(path: str) -> np.ndarray:
    """Reads a kernel [K, L] as float64.

    Args:
        path: a .npy file of real numbers, or a grey .png file, whose samples are divided by
            255, or by 65535 where they have 16 bits.

    Raises:
        InputError: the file is missing or damaged, or holds no finite numbers [K, L] with K
            and L in [1, 2048], or only zeros.
    """
    try:
        with warnings.catch_warnings():
            # Of damaged metadata and of size, which is checked.
            warnings.simplefilter("ignore")
            kernel = _read_png(path) if Path(path).suffix.lower() == ".png" else _read_npy(path)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError("file", "must exist", file=path) from None
    except Exception as error:
        # On damaged files the decoders raise SyntaxError, struct.error, EOFError and more.
        raise InputError(
            "file",
            "must be a kernel that can be read",
            remedy="Give a .npy file, or a grey .png file",
            file=path,
            reason=str(error) or type(error).__name__,
        ) from None
    if not np.isfinite(kernel).all() or not kernel.any():
        raise InputError("file", "must hold finite numbers, not all of them 0", file=path)
    return kernel


def _read_npy(path: str) -> np.ndarray:
    # Mapped, so that nothing is allocated for what a damaged header claims.
    array = np.lib.format.open_memmap(path, mode="r")
    if array.dtype.kind not in "iuf":
        raise InputError(
            "file", "must be an array of real numbers", file=path, dtype=str(array.dtype)
        )
    _check_shape(array.shape, path=path)
    return np.array(array, np.float64)


def _read_png(path: str) -> np.ndarray:
    with open(path, "rb") as file, Image.open(file, formats=("PNG",)) as image:
        _check_shape(image.size[::-1], path=path)
        if image.mode not in _WHITE:
            raise InputError(
                "file",
                "must be a grey image, for a kernel has no colours",
                remedy="Save it as grey, without transparency",
                file=path,
                mode=image.mode,
            )
        return np.asarray(image, np.float64) / _WHITE[image.mode]


def _check_shape(shape: tuple[int, ...], *, path: str) -> None:
    if len(shape) != 2 or not all(1 <= side <= MAX_SIDE for side in shape):
        raise InputError(
            "file",
            f"must hold a kernel [K, L] with K and L in [1, {MAX_SIDE}]",
            file=path,
            shape=tuple(shape),
        )
