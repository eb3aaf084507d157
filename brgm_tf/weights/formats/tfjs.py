"""Layers models of TensorFlow.js as data: a Keras 2 configuration and float32 arrays.

`model.json` holds the configuration of the model, and the name and shape of every array. Shards
hold the values of all arrays one after the other, little-endian and row-major. Nothing is executed.

Reference: https://github.com/tensorflow/tfjs/tree/master/tfjs-converter, "layers-model".
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError

_DTYPE = np.dtype("<f4")


@dataclasses.dataclass(frozen=True)
class LayersModel:
    """A model that was read.

    Args:
        config: Configuration of a functional model: its layers and their connections.
        arrays: float32 arrays by name, 'layer/kernel'.
    """

    config: dict[str, Any]
    arrays: dict[str, np.ndarray]


def read(path: Path, *, argument: str) -> LayersModel:
    """Reads a layers model; its shards lie beside `model.json`.

    Args:
        path: Path of `model.json`.
        argument: Name of the argument (or flag) that chose the model, for errors.

    Raises:
        InputError: The file holds another kind of model, arrays that are not plain float32, or
            the shards have another size.
    """
    model = json.loads(path.read_text("utf-8"))
    topology = model.get("modelTopology", {}).get("model_config", {})
    if model.get("format") != "layers-model" or topology.get("class_name") != "Functional":
        raise InputError(
            argument,
            "must be a functional layers model of TensorFlow.js",
            **{argument: path, "format": model.get("format")},
        )
    arrays: dict[str, np.ndarray] = {}
    for group in model["weightsManifest"]:
        arrays |= _read_group(group, path.parent, argument=argument)
    return LayersModel(topology["config"], arrays)


def _read_group(group: dict[str, Any], folder: Path, *, argument: str) -> dict[str, np.ndarray]:
    """Reads the arrays of a group, whose values continue from shard to shard."""
    values = b"".join((folder / shard).read_bytes() for shard in group["paths"])
    arrays, start = {}, 0
    for entry in group["weights"]:
        if entry["dtype"] != "float32" or "quantization" in entry:
            raise InputError(
                argument, "must hold plain float32 arrays", **{argument: folder, **entry}
            )
        end = start + _DTYPE.itemsize * math.prod(entry["shape"])
        if end > len(values):
            raise _size_error(folder, values, argument=argument)
        arrays[entry["name"]] = (
            np.frombuffer(values[start:end], _DTYPE).reshape(entry["shape"]).astype(np.float32)
        )
        start = end
    if start != len(values):
        raise _size_error(folder, values, argument=argument)
    return arrays


def _size_error(folder: Path, values: bytes, *, argument: str) -> InputError:
    received: dict[str, Any] = {argument: folder, "num_bytes": len(values)}
    return InputError(argument, "must have shards of the size that model.json states", **received)
