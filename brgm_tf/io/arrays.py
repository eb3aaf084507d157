"""Arrays from .npy files and grey .png files. TensorFlow is not imported here.

Whatever is wrong with a file is one `InputError` that names the argument it was given by.
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
    """Makes whatever goes wrong with a file in the block an `InputError`.

    Args:
        argument: name of the user's argument.
        expected: what the file should have been, such as 'a .npy file'.
        path: the file.
        remedy: what to do instead.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(argument, "must exist", **{argument: os.fspath(path)}) from None
    except Exception as error:
        # On damaged files the readers raise OSError, KeyError, SyntaxError, struct.error, EOFError
        # and more.
        raise InputError(
            argument,
            f"must be {expected} that can be read",
            remedy=remedy,
            **{argument: os.fspath(path)},
            reason=" ".join(str(error).split()) or type(error).__name__,
        ) from None


def opened(path: str | os.PathLike) -> np.ndarray:
    """The array of a .npy file, of which nothing is read yet but the header.

    It is mapped, so that nothing is allocated for what a damaged header claims.
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
        path: a .npy file, or a grey .png file, whose samples are divided by 255, or by 65535
            where they have 16 bits.
        argument: name of the user's argument, for errors.
        noun: what it is, such as 'kernel'.
        check_shape: raises an `InputError` for a shape that is none; called before a value is read.
        kinds: of the dtypes of .npy files that are taken, NumPy's letters.

    Raises:
        InputError: the file is missing or damaged, or holds no such numbers.
    """
    remedy = "Give a .npy file, or a grey .png file"
    with reading(argument, f"a {noun}", path=path, remedy=remedy), warnings.catch_warnings():
        # Of damaged metadata and of size, which is checked.
        warnings.simplefilter("ignore")
        if Path(path).suffix.lower() == ".png":
            return _load_png(path, argument=argument, noun=noun, check_shape=check_shape)
        array = opened(path)
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
    """Checks that numbers are finite, and that there is one that is not 0.

    Raises:
        InputError: they are not.
    """
    if not np.isfinite(array).all() or not array.any():
        raise InputError(
            argument, "must hold finite numbers, not all of them 0", **{argument: os.fspath(path)}
        )


def _load_png(path, *, argument: str, noun: str, check_shape) -> np.ndarray:
    from PIL import Image

    with (
        open(Path(path).expanduser(), "rb") as file,
        Image.open(file, formats=("PNG",)) as image,
    ):
        check_shape(image.size[::-1])
        if image.mode not in _WHITE:
            raise InputError(
                argument,
                f"must be a grey image, for a {noun} has no colours",
                remedy="Save it as grey, without transparency",
                **{argument: os.fspath(path)},
                mode=image.mode,
            )
        return np.asarray(image, np.float64) / _WHITE[image.mode]
