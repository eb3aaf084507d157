"""Arrays from .npy files and grey .png files. TensorFlow is not imported here.

Every problem with a file becomes one `InputError` that names the user's argument.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError

# Grey modes of Pillow for PNG, and their white.
_WHITE = {"1": 1, "L": 255, "I;16": 65535, "I": 65535}


@contextlib.contextmanager
def reading(
    argument: str, expected: str, *, path: str | os.PathLike, remedy: str = ""
) -> Iterator[None]:
    """Turns every exception raised while a file is read into an `InputError`.

    Args:
        argument: Name of the user's argument.
        expected: Kind of file expected, such as 'a .npy file'.
        path: Path of the file.
        remedy: Advice for the user.

    Example:
        >>> with reading("kernel", "a .npy file", path="blur.npy"):
        ...     raise EOFError("no data left")
        Traceback (most recent call last):
        brgm_tf.core.errors.InputError: `kernel` must be a .npy file that can be read. \
Received: kernel='blur.npy', reason='no data left'
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(argument, "must exist", **{argument: os.fspath(path)}) from None
    except Exception as error:
        # Readers of damaged files raise OSError, KeyError, SyntaxError, struct.error, EOFError
        # and more.
        raise InputError(
            argument,
            f"must be {expected} that can be read",
            remedy=remedy,
            **{argument: os.fspath(path)},
            reason=" ".join(str(error).split()) or type(error).__name__,
        ) from None


def map_array(path: str | os.PathLike) -> np.ndarray:
    """Maps the array of a .npy file into memory; only the header is read.

    Nothing is allocated for a size that a damaged header claims.
    """
    return np.lib.format.open_memmap(Path(path).expanduser(), mode="r")


def load_real(
    path: str | os.PathLike,
    *,
    argument: str,
    noun: str,
    check_shape: Callable[[tuple[int, ...]], object],
    kinds: str = "iuf",
) -> np.ndarray:
    """Reads real numbers as float64.

    Args:
        path: Path of a .npy file, or of a grey .png file, whose samples are divided by 255, or
            by 65535 if they have 16 bits.
        argument: Name of the user's argument, for errors.
        noun: Word for the contents, such as 'kernel'.
        check_shape: Function that raises an `InputError` for a wrong shape, before any value is
            read.
        kinds: NumPy's letters for the types that a .npy file may hold.

    Raises:
        InputError: the file is missing or damaged, or holds other values.
    """
    remedy = "Give a .npy file, or a grey .png file"
    with reading(argument, f"a {noun}", path=path, remedy=remedy), warnings.catch_warnings():
        # Pillow warns of damaged metadata, and of the size, which is checked here.
        warnings.simplefilter("ignore")
        if Path(path).suffix.lower() == ".png":
            return _load_png(path, argument=argument, noun=noun, check_shape=check_shape)
        array = map_array(path)
        if array.dtype.kind not in kinds:
            raise InputError(
                argument,
                "must be an array of real numbers",
                **{argument: os.fspath(path)},
                dtype=str(array.dtype),
            )
        check_shape(array.shape)
        return np.array(array, np.float64)


def check_values(array: np.ndarray, *, argument: str, path: str | os.PathLike) -> None:
    """Checks that all numbers are finite and that at least one differs from 0.

    Raises:
        InputError: a number is not finite, or all are 0.
    """
    if not np.isfinite(array).all() or not array.any():
        raise InputError(
            argument,
            "must hold finite numbers, not all of them 0",
            **{argument: os.fspath(path)},
        )


def _load_png(path, *, argument: str, noun: str, check_shape: Callable) -> np.ndarray:
    from PIL import Image

    with (
        open(Path(path).expanduser(), "rb") as file,
        Image.open(file, formats=("PNG",)) as image,
    ):
        check_shape(image.size[::-1])
        if image.mode not in _WHITE:
            raise InputError(
                argument,
                f"must be a grey image because a {noun} has no colours",
                remedy="Save it as grey, without transparency",
                **{argument: os.fspath(path)},
                mode=image.mode,
            )
        return np.asarray(image, np.float64) / _WHITE[image.mode]
