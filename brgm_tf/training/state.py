"""State of a training, a flat dict of arrays, and its snapshots.

    generator/W, ema/W, discriminator/W     weights, by their path W in the network
    square/generator/W, square/discriminator/W   second moments of Adam
    updates/generator, updates/discriminator     number of updates
    step                                    number of steps
    path/mean                               running mean of the path length
    ada/strength                            strength of the augmentation
    ada/sign                                sum of the mean signs of D(real)
    sum/NAME, count/NAME                    sums of the scalars since the last row of the table

A snapshot is a NumPy .npz of these arrays and of 'about', a JSON text. It is written to a
temporary file and renamed when complete, so a killed run leaves complete snapshots only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

FORMAT = 1
SCALARS = ("loss_d", "loss_g", "sign", "r1", "path_penalty", "path_length")
_NAME = re.compile(r"snapshot-(\d{9})\.npz")


def weights_of(model: Any) -> dict[str, Any]:
    """Returns the variables of a network by their path."""
    return {weight.path.removeprefix(f"{model.name}/"): weight for weight in model.weights}


def trainable_names(model: Any) -> set[str]:
    """Returns the paths of the trainable variables."""
    return {weight.path.removeprefix(f"{model.name}/") for weight in model.trainable_weights}


def bound(model: Any, values: Mapping[str, Any]) -> keras.StatelessScope:
    """Returns a context in which a network has other weights.

    Args:
        model: The network.
        values: Tensors by the paths of `weights_of`.
    """
    weights = weights_of(model)
    return keras.StatelessScope([(weights[path], value) for path, value in values.items()])


def assign(model: Any, values: Mapping[str, Any]) -> None:
    """Assigns weights to a network."""
    for path, weight in weights_of(model).items():
        weight.assign(values[path])


def part(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Returns the entries below 'prefix/', without the prefix."""
    start = prefix + "/"
    return {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}


def with_prefix(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the entries with 'prefix/' before their names."""
    return {f"{prefix}/{key}": value for key, value in values.items()}


def initial(generator: Any, discriminator: Any, *, strength: float) -> dict[str, np.ndarray]:
    """Returns the state before the first step.

    Args:
        generator: The generator, with initial weights.
        discriminator: The discriminator, with initial weights.
        strength: Initial strength of the augmentation.
    """
    state: dict[str, Any] = {}
    for name, model in (("generator", generator), ("discriminator", discriminator)):
        weights = {path: np.asarray(weight) for path, weight in weights_of(model).items()}
        state |= with_prefix(name, weights)
        trained = {path: np.zeros_like(weights[path]) for path in trainable_names(model)}
        state |= with_prefix(f"square/{name}", trained)
        state[f"updates/{name}"] = np.zeros((), "int32")
    state |= with_prefix("ema", part(state, "generator"))
    state |= {"step": np.zeros((), "int32"), "path/mean": np.zeros((), "float32")}
    state |= {"ada/strength": np.float32(strength), "ada/sign": np.zeros((), "float32")}
    return without_sums({key: np.asarray(value) for key, value in state.items()})


def without_sums(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state with the sums of the scalars set to zero."""
    zero = np.zeros((), "float32")
    cleared = {f"{kind}/{name}": zero for name in SCALARS for kind in ("sum", "count")}
    return {**state, **cleared}


def means(state: Mapping[str, Any]) -> dict[str, float]:
    """Returns the mean of each scalar since the last `without_sums`, NaN without values."""
    result = {}
    for name in SCALARS:
        total, count = float(state[f"sum/{name}"]), float(state[f"count/{name}"])
        result[name] = total / count if count else float("nan")
    return result


def to_tensors(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state as tensors of the backend."""
    return {key: ops.convert_to_tensor(value) for key, value in sorted(state.items())}


def to_arrays(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the state as NumPy arrays."""
    return {key: ops.convert_to_numpy(value) for key, value in state.items()}


def save(folder: Path, state: Mapping[str, Any], about: dict) -> Path:
    """Writes a snapshot atomically.

    Args:
        folder: Folder of the snapshots.
        state: Dict of tensors or arrays.
        about: Other facts, for JSON.
    """
    arrays: dict[str, Any] = to_arrays(state)
    path = folder / f"snapshot-{int(arrays['step']):09d}.npz"
    text = json.dumps({**about, "format": FORMAT})
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        np.savez(file, about=np.asarray(text), **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    return path


def snapshots(folder: Path) -> list[Path]:
    """Returns the snapshots of a folder, oldest first."""
    return sorted(path for path in folder.glob("snapshot-*.npz") if _NAME.fullmatch(path.name))


def load(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Loads the state and the other facts of a snapshot.

    Raises:
        ValueError: The file is damaged or has another format.
    """
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        about = json.loads(str(arrays.pop("about")))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
    if about.get("format") != FORMAT:
        raise ValueError(f"{path.name} has format {about.get('format')} instead of {FORMAT}")
    return arrays, about


def remove_old(folder: Path, *, keep: int = 2) -> None:
    """Removes all but the newest snapshots, and incomplete files of killed runs."""
    for path in [*snapshots(folder)[:-keep], *folder.glob("snapshot-*.partial")]:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
