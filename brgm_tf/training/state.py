"""All that a training carries from one step to the next, as a flat dict of arrays, and its files.

    generator/W, ema/W, discriminator/W     weights, by their path W in the network
    square/generator/W, square/discriminator/W   Adam's second moments
    updates/generator, updates/discriminator     number of updates
    step                                    number of steps
    path/mean                               running mean of the path length
    ada/strength, ada/sign                  augmentation; sum of the mean signs of D(real)
    sum/NAME, count/NAME                    of the scalars since the last row of the table

A snapshot is a NumPy .npz of these and of 'about', a JSON text. It is written beside
its place and moved there when complete, so that a killed run leaves whole ones only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import ops

FORMAT = 1
SCALARS = ("loss_d", "loss_g", "sign", "r1", "path_penalty", "path_length")
_NAME = re.compile(r"snapshot-(\d{9})\.npz")


def weights_of(model) -> dict:
    """The variables of a network by their path in it."""
    return {weight.path.removeprefix(f"{model.name}/"): weight for weight in model.weights}


def trainable_names(model) -> set[str]:
    """Paths of the variables that are trained."""
    return {weight.path.removeprefix(f"{model.name}/") for weight in model.trainable_weights}


def bound(model, values):
    """Context in which a network has these values for weights.

    Args:
        model: the network.
        values: tensor for each path of `weights_of`.
    """
    weights = weights_of(model)
    return keras.StatelessScope([(weights[path], value) for path, value in values.items()])


def assign(model, values) -> None:
    """Gives a network these weights for good."""
    for path, weight in weights_of(model).items():
        weight.assign(values[path])


def part(state, prefix) -> dict:
    """The entries below 'prefix/', without it."""
    start = prefix + "/"
    return {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}


def with_prefix(prefix, values) -> dict:
    """The entries with 'prefix/' before their names."""
    return {f"{prefix}/{key}": value for key, value in values.items()}


def initial(generator, discriminator, *, strength: float) -> dict[str, np.ndarray]:
    """The state before the first step.

    Args:
        generator, discriminator: the networks, with their initial weights.
        strength: of the augmentation.
    """
    state = {}
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


def without_sums(state) -> dict:
    """The state with the sums of the scalars back at zero."""
    zero = np.zeros((), "float32")
    cleared = {f"{kind}/{name}": zero for name in SCALARS for kind in ("sum", "count")}
    return {**state, **cleared}


def means(state) -> dict[str, float]:
    """Mean of each scalar since the sums were cleared; NaN where there was none."""
    result = {}
    for name in SCALARS:
        total, count = float(state[f"sum/{name}"]), float(state[f"count/{name}"])
        result[name] = total / count if count else float("nan")
    return result


def to_tensors(state) -> dict:
    """The state as the backend's tensors."""
    return {key: ops.convert_to_tensor(value) for key, value in sorted(state.items())}


def to_arrays(state) -> dict[str, np.ndarray]:
    """The state as NumPy arrays."""
    return {key: ops.convert_to_numpy(value) for key, value in state.items()}


def save(folder: Path, state, about: dict) -> Path:
    """Writes a snapshot, whole or not at all.

    Args:
        folder: where it goes.
        state: dict of tensors or arrays.
        about: what else is to be known, for JSON.
    """
    arrays = to_arrays(state)
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
    """The snapshots of a folder, oldest first."""
    return sorted(path for path in folder.glob("snapshot-*.npz") if _NAME.fullmatch(path.name))


def load(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Returns the state and what else is known.

    Raises:
        ValueError: the file is damaged or of another format.
    """
    try:
        # Opened here, as NumPy leaves a damaged file open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        about = json.loads(str(arrays.pop("about")))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
    if about.get("format") != FORMAT:
        raise ValueError(f"{path.name} is of format {about.get('format')}, not {FORMAT}")
    return arrays, about


def remove_old(folder: Path, *, keep: int = 2) -> None:
    """Removes all but the newest snapshots, and what a killed run left half-written."""
    for path in [*snapshots(folder)[:-keep], *folder.glob("snapshot-*.partial")]:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
