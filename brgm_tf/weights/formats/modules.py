"""Records of networks' modules -> their arrays by name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from brgm_tf.weights.formats import limits
from brgm_tf.weights.formats.records import Record, name_of

__all__ = ["named_arrays", "state_of"]

_MAX_PARTS = 100_000
_LONGEST_NAME = 500
# What a torch.nn.Module keeps its parts in; these names are not in qualified names.
_GROUPS = ("_parameters", "_buffers", "_modules")


def state_of(module: object) -> dict:
    """Attributes of a module's record by name; {} of anything that has none.

    Args:
        module: the record of a torch.nn.Module, of a TorchScript module, or of one that
            stylegan2-ada-pytorch's torch_utils.persistence has saved; or a dict.
    """
    if isinstance(module, Record):
        module = _persistent(module) if module.state is None else module.state
    return module if isinstance(module, dict) else {}


def _persistent(record: Record) -> object:
    """The state in _reconstruct_persistent_obj(dict(class_name, module_src, state, ...))."""
    if record.name != "_reconstruct_persistent_obj" or not record.args:
        return None
    meta = record.args[0]
    return meta.get("state") if isinstance(meta, dict) else None


def named_arrays(module: object, *, argument: str) -> dict[str, np.ndarray]:
    """Arrays of a module and of the modules in it, by their qualified names.

    Args:
        module: as for `state_of`.
        argument: name of the argument (or flag) that its file was given by.

    Returns:
        Parameters, buffers and arrays among the attributes, such as 'layers.0.weight'.

    Raises:
        InputError: the modules hold themselves, or are more than a network has.
    """
    with limits.one_error(argument):
        return _named(module)


def _named(module) -> dict[str, np.ndarray]:
    found, branches = {}, [("", _parts(module))]
    # A walk of a bounded number of steps: modules may be shared, and hold themselves.
    for _ in range(_MAX_PARTS):
        if not branches:
            return found
        prefix, parts = branches[-1]
        name, part = next(parts, (None, None))
        if name is None:
            branches.pop()
            continue
        path = f"{prefix}.{name}" if prefix else name
        if len(path) > _LONGEST_NAME:
            raise limits.RefusedError("modules that are nested without an end")
        if isinstance(part, np.ndarray):
            found[path] = part
        else:
            branches.append((path, _parts(part)))
    raise limits.RefusedError("modules without an end")


def _parts(module) -> Iterator[tuple[str, object]]:
    for name, part in state_of(module).items():
        if type(name) is str and name in _GROUPS and isinstance(part, dict):
            yield from ((_word(key), value) for key, value in part.items())
        else:
            yield _word(name), part


def _word(key) -> str:
    return str(key) if isinstance(key, str | int) else name_of(key)
