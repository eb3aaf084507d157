"""Signatures of TensorFlow's SavedModels, read from saved_model.pb without TensorFlow.

Reference: saved_model.proto, meta_graph.proto and tensor_shape.proto of TensorFlow, and the wire
format of protocol buffers. Only the fields needed are read.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import source

Shape = tuple[int | None, ...] | None
_Message = memoryview | bytes
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclasses.dataclass(frozen=True)
class Signature:
    """Shapes of the tensors of a signature.

    Args:
        inputs: Shapes of the inputs by name; None for an unknown size or rank.
        outputs: Shapes of the outputs by name, likewise.
    """

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]


def signatures(folder: str | os.PathLike, *, argument: str) -> dict[str, Signature]:
    """Reads the signatures of a SavedModel's first graph.

    Args:
        folder: Folder that contains saved_model.pb.
        argument: Name of the argument (or flag) that gave the folder.

    Raises:
        InputError: the file is missing or damaged.
    """
    path = Path(folder, "saved_model.pb")
    data = source.view(path, argument=argument)
    try:
        graph = next((value for number, value in _fields(data) if number == 2), b"")
        return {
            name: Signature(_shapes(value, 1), _shapes(value, 2))
            for name, value in _entries(graph, 5)
            if not name.startswith("__")
        }
    except (ValueError, IndexError, TypeError):
        raise InputError(
            argument, "must have a usable saved_model.pb", **{argument: str(folder)}
        ) from None


def find_roles(available: Mapping[str, Signature], *, argument: str) -> tuple[str | None, str]:
    """Returns the names of the signatures that map z to w, and latents to images.

    The first is 'mapping', or None if the latents themselves are standard normal. The second is
    'synthesis' or, without a mapping, 'default', 'serving_default' or the only signature.

    Args:
        available: Signatures by name.
        argument: Name of the argument (or flag) that gave the model.

    Raises:
        InputError: the signatures are missing, or have more than one input.

    Example:
        >>> only = Signature({"z": (None, 8)}, {"images": (None, 4, 4, 3)})
        >>> find_roles({"serving_default": only}, argument="generator")
        (None, 'serving_default')
    """
    mapping = "mapping" if "mapping" in available else None
    others = (
        []
        if mapping
        else ["default", "serving_default", *(available if len(available) == 1 else [])]
    )
    synthesis = next((name for name in ["synthesis", *others] if name in available), None)
    used = [available[name] for name in (mapping, synthesis) if name is not None]
    if synthesis is None or any(len(signature.inputs) != 1 for signature in used):
        raise InputError(
            argument,
            "must be a SavedModel with signatures mapping (z [B, Z] to w [B, D]) and synthesis "
            "(w [B, D] or [B, L, D] to images), or one signature from z to images, of one input",
            signatures={name: sorted(signature.inputs) for name, signature in available.items()},
        )
    return mapping, synthesis


def image_output(signature: Signature) -> tuple[str, Shape]:
    """Returns name and shape of the first output with four axes, else of the first output."""
    by_rank = sorted(signature.outputs, key=lambda name: len(signature.outputs[name] or ()) != 4)
    return by_rank[0], signature.outputs[by_rank[0]]


def image_size(shape: Shape) -> tuple[int, int] | None:
    """Returns resolution and channels of images [B, R, R, C] or [B, C, R, R]; None if unknown.

    Example:
        >>> image_size((None, 3, 64, 64))
        (64, 3)
    """
    if shape is None or len(shape) != 4:
        return None
    _, first, second, third = shape
    if first is None or second is None or third is None:
        return None
    if third in (1, 3) and first == second:
        return first, third
    return (second, first) if first in (1, 3) and second == third else None


def _shapes(signature: _Message, number: int) -> dict[str, Shape]:
    return {name: _shape(tensor) for name, tensor in _entries(signature, number)}


def _shape(tensor: _Message) -> Shape:
    shape = [value for number, value in _fields(tensor) if number == 3]
    if not shape or any(number == 3 and value for number, value in _fields(shape[0])):
        return None
    sizes: list[int | None] = []
    for number, value in _fields(shape[0]):
        if number == 2:
            size = next((size for key, size in _fields(value) if key == 1), 0)
            sizes.append(None if size >= 2**63 else size)  # -1 is an unknown size
    return tuple(sizes)


def _entries(message: _Message, number: int) -> Iterator[tuple[str, _Message]]:
    """Yields keys and values of the map in field `number`."""
    for field, value in _fields(message):
        if field == number:
            entry = dict(_fields(value))
            yield bytes(entry.get(1, b"")).decode(), entry.get(2, b"")


def _fields(message: _Message) -> Iterator[tuple[int, Any]]:
    """Yields numbers and values of a message's fields: integers, or the bytes of other types."""
    at = 0
    value: Any
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
            if wire == _BYTES:
                size, at = _varint(message, at)
            if size is None or at + size > len(message):
                raise ValueError("a field without its end")
            value, at = message[at : at + size], at + size
        yield number, value


def _varint(message: _Message, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("an integer without its end")
