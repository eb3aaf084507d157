"""Lists of arrays that joblib pickles, read without running them.

joblib pickles an array as an instance of `NumpyArrayWrapper`, whose state holds the shape, the
dtype and the order. Then follow a byte with the length of a padding, the padding, and the numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from brgm_tf.weights.formats import arrays, embedded, limits, machine
from brgm_tf.weights.formats.limits import RefusedError

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")


def load_arrays(data: bytes, *, argument: str) -> list[np.ndarray]:
    """Reads a pickled list of arrays.

    Args:
        data: Uncompressed bytes of the file.
        argument: Name of the argument (or flag) that gave the file.

    Returns:
        Read-only arrays.

    Raises:
        InputError: The file is damaged, or holds other kinds of data.
    """
    view = memoryview(data).toreadonly()
    with limits.one_error(argument):
        reader = machine.Machine(
            view,
            limits=limits.Limits(len(view)),
            calls=embedded.CALLS,
            builds={**arrays.BUILDS, _WRAPPER: _wrapped},
        )
        values, _ = reader.run()
        if type(values) is not list or not all(isinstance(one, np.ndarray) for one in values):
            raise RefusedError("something other than a list of arrays")
        return values


def _wrapped(reader: Any, args: object, state: Any) -> np.ndarray:
    """Makes an array of the state of its wrapper and of the bytes after the wrapper."""
    del args
    dtype, shape = state["dtype"], arrays.check_sizes(state["shape"])
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise RefusedError("an array of objects")
    if state.get("numpy_array_alignment_bytes"):
        reader.take(reader.take(1)[0])
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    return arrays.as_array(
        reader.take(size), dtype=dtype, shape=shape, fortran=state["order"] == "F"
    )
