"""HDF5 files -> arrays by path, from plain data sets of numbers only.

The HDF5 library follows links into other files, and unpacks and joins data sets. Therefore only
contiguous, uncompressed data sets of numbers are read, whose sizes the file accounts for. Soft and
external links are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from brgm_tf.weights.formats import limits, source

__all__ = ["read"]


def read(
    path: str | os.PathLike,
    *,
    argument: str,
    is_wanted: Callable[[str], bool] = lambda name: True,
) -> dict[str, np.ndarray]:
    """Reads the data sets of a file.

    Args:
        path: Path of the file.
        argument: Name of the argument (or flag) that gave the file.
        is_wanted: Function that returns whether to read a data set, given its path; by default
            all are read.

    Returns:
        Arrays of floats by their paths, such as 'synthesis/b4/const'.

    Raises:
        InputError: the file cannot be read, is damaged, or holds other kinds of data.
    """
    import h5py

    budget = limits.Limits(len(source.view(path, argument=argument)))
    arrays: dict[str, np.ndarray] = {}

    def collect(name: str, item: object) -> None:
        budget.step()
        if isinstance(item, h5py.Dataset) and is_wanted(name):
            arrays[name] = _values(item, name, budget)

    with limits.one_error(argument), h5py.File(path, "r") as file:
        file.visititems(collect)
    return arrays


def _values(item, name: str, budget: limits.Limits) -> np.ndarray:
    if item.dtype.kind != "f" or item.dtype.subdtype or item.shape is None:
        raise limits.RefusedError(f"other things than real numbers at {name[:80]!r}")
    if item.chunks is not None or item.external or item.is_virtual:
        raise limits.RefusedError(f"a data set in pieces, compressed or elsewhere, {name[:80]!r}")
    budget.charge(item.nbytes)
    return item[()]
