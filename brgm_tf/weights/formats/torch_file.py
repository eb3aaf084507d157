"""PyTorch files -> inert records and NumPy arrays, in the formats of torch.save and torch.jit.save.

`zipped` has the format since version 1.6 and of TorchScript, and `legacy` has the earlier one.
`inert` describes records and lists the real objects. Tensors are read-only views of the mapped
file.
"""

from __future__ import annotations

import os

import numpy as np

from brgm_tf.weights.formats import embedded, legacy, modules, source
from brgm_tf.weights.formats.archive import SIGNATURES, Archive
from brgm_tf.weights.formats.limits import Limits, one_error
from brgm_tf.weights.formats.zipped import Saved

__all__ = ["load"]


def load(path: str | os.PathLike, *, argument: str) -> object:
    """Reads a file of torch.save or torch.jit.save; no code in it runs.

    Args:
        path: Path of the file.
        argument: Name of the argument (or flag) that gave the file.

    Returns:
        The saved object. A TorchScript archive gives its arrays by their qualified names, such as
        'layers.0.weight', and the arrays among the constants of its code as 'CONSTANTS.c0',
        'CONSTANTS.c1', ...

    Raises:
        InputError: the file cannot be read, is damaged, or holds other kinds of data.
    """
    data = source.view(path, argument=argument)
    with one_error(argument):
        budget = Limits(len(data))
        if bytes(data[:4]) not in SIGNATURES:
            return legacy.read(data, limits=budget)
        saved = Saved(Archive(data), limits=budget, calls=embedded.CALLS)
        if not saved.is_script:
            return saved.read("data")
        constants = saved.read("constants")
        arrays = modules.named_arrays(saved.read("data"), argument=argument)
        return arrays | {
            f"CONSTANTS.c{i}": value
            for i, value in enumerate(constants if type(constants) is tuple else ())
            if isinstance(value, np.ndarray)
        }
