"""Records of torch modules -> arrays by name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from brgm_tf.weights.formats import limits
from brgm_tf.weights.formats.records import Record, name_of

__all__ = ["named_arrays", "state_of"]

_MAX_STEPS = 100_000
_MAX_NAME_LENGTH = 500
# Attributes of a torch.nn.Module that hold its parts; qualified names leave them out.
_GROUPS = ("_parameters", "_buffers", "_modules")


def state_of(module: object) -> dict:
    """Returns the attributes of a module's record by name; {} for an object without attributes.

    Args:
        module: Record of a torch.nn.Module, of a TorchScript module, or of a module saved by
            stylegan2-ada-pytorch's torch_utils.persistence; or a dict.
    """
    if isinstance(module, Record):
        module = _persistent_state(module) if module.state is None else module.state
    return module if isinstance(module, dict) else {}


def _persistent_state(record: Record) -> object:
    """Returns the state in _reconstruct_persistent_obj(dict(class_name, state, ...))."""
    if record.name != "_reconstruct_persistent_obj" or not record.args:
        return None
    meta = record.args[0]
    return meta.get("state") if isinstance(meta, dict) else None


def named_arrays(module: object, *, argument: str) -> dict[str, np.ndarray]:
    """Returns the arrays of a module and of its submodules by their qualified names.

    Args:
        module: Record or dict, as for `state_of`.
        argument: Name of the argument (or flag) that gave the file.

    Returns:
        Parameters, buffers and arrays among the attributes, such as 'layers.0.weight'.

    Raises:
        InputError: the modules contain themselves, or are more than a network has.

    Example:
        >>> module = {"_modules": {"fc": {"_parameters": {"bias": np.zeros(3)}}}}
        >>> list(named_arrays(module, argument="generator"))
        ['fc.bias']
    """
    with limits.one_error(argument):
        return _walk(module)


def _walk(module: object) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    branches = [("", _parts(module))]
    # The number of steps is bounded because modules may be shared and contain themselves.
    for _ in range(_MAX_STEPS):
        if not branches:
            return arrays
        prefix, parts = branches[-1]
        name, part = next(parts, (None, None))
        if name is None:
            branches.pop()
            continue
        path = f"{prefix}.{name}" if prefix else name
        if len(path) > _MAX_NAME_LENGTH:
            raise limits.RefusedError("modules nested without an end")
        if isinstance(part, np.ndarray):
            arrays[path] = part
        else:
            branches.append((path, _parts(part)))
    raise limits.RefusedError("modules without an end")


def _parts(module: object) -> Iterator[tuple[str, object]]:
    for name, part in state_of(module).items():
        if type(name) is str and name in _GROUPS and isinstance(part, dict):
            yield from ((_word(key), value) for key, value in part.items())
        else:
            yield _word(name), part


def _word(key: object) -> str:
    return str(key) if isinstance(key, str | int) else name_of(key)
