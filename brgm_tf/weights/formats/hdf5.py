"""HDF5 files -> arrays by path: numbers that lie in the file as they are, and nothing else.

The library that reads them follows links into other files, unpacks and joins data sets. So
only data sets of numbers are taken that are stored in one piece, not compressed, and whose
sizes the file accounts for; soft and external links are not followed.
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
    wanted: Callable[[str], bool] = lambda name: True,
) -> dict[str, np.ndarray]:
    """Reads the data sets of a file.

    Args:
        path: of the file.
        argument: name of the argument (or flag) that the file was given by.
        wanted: whether a data set of this path is read; default: all are.

    Returns:
        Arrays of floats by their paths, such as 'synthesis/b4/const'.

    Raises:
        InputError: the file cannot be read, is damaged, or holds what is not read.
    """
    import h5py

    budget = limits.Limits(len(source.view(path, argument=argument)))
    found = {}

    def collect(name, item):
        budget.step()
        if isinstance(item, h5py.Dataset) and wanted(name):
            found[name] = _values(item, name, budget)

    with limits.one_error(argument), h5py.File(path, "r") as file:
        file.visititems(collect)
    return found


def _values(item, name: str, budget: limits.Limits) -> np.ndarray:
    if item.dtype.kind != "f" or item.dtype.subdtype or item.shape is None:
        raise limits.RefusedError(f"other things than real numbers at {name[:80]!r}")
    if item.chunks is not None or item.external or item.is_virtual:
        raise limits.RefusedError(f"a data set in pieces, compressed or elsewhere, {name[:80]!r}")
    budget.charge(item.nbytes)
    return item[()]
