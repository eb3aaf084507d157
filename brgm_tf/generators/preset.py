"""Generators as folders: config.json and model.weights.h5.

config.json has "class_name", "config" (the arguments of the class) and "about" (any other
facts). model.weights.h5 has one data set for each weight, named by the path of the weight in
the network: 'synthesis/b8/conv0/weight', 'w_avg'. float16 data sets halve the file; the reader
casts them to the dtype of the weight.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.generators.preset_networks import NETWORKS
from brgm_tf.weights.formats import hdf5

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
STORAGE = ("float32", "float16")
_LARGEST_FLOAT16 = 65504.0


def save_preset(
    generator: Any,
    folder: str | os.PathLike,
    *,
    storage: str = "float32",
    about: dict | None = None,
    weights: Sequence[tuple[Any, np.ndarray]] = (),
) -> Path:
    """Writes a generator as a folder.

    Args:
        generator: Generator of a class in `preset_networks.NETWORKS`.
        folder: Path of the folder, which is created if necessary. Existing files with the
            names of the two files are replaced.
        storage: Dtype of the weights in the file, 'float32' or 'float16'; default 'float32'.
        about: Other facts for config.json, or None. 'class_names', a list, names the classes of a
            conditional generator.
        weights: Pairs of a Keras variable of the generator and the value to write in its place.

    Returns:
        The folder.

    Raises:
        InputError: The storage is unknown, a weight is too large for it, or presets do not hold
            this class of generator.
    """
    if storage not in STORAGE:
        raise InputError("storage", "must be one of " + ", ".join(STORAGE), storage=storage)
    folder, class_name = Path(folder), type(generator).__name__
    if class_name not in NETWORKS:
        raise InputError("generator", "must be one of " + ", ".join(NETWORKS), generator=class_name)
    network = NETWORKS[class_name]
    replaced = {id(variable): value for variable, value in weights}
    arrays = {
        name: np.asarray(replaced.get(id(weight), weight))
        for name, weight in network.weights(generator).items()
    }
    _check_range(arrays, storage=storage)
    folder.mkdir(parents=True, exist_ok=True)
    text = {
        "class_name": class_name,
        "config": network.config(generator),
        "storage": storage,
        "about": about or {},
    }
    write_arrays(folder / WEIGHTS, arrays, storage=storage)
    (folder / CONFIG).write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
    return folder


def load_preset(folder: str | os.PathLike, *, argument: str = "generator", **overrides: Any) -> Any:
    """Loads a generator from its folder.

    Args:
        folder: Folder that `save_preset` wrote.
        argument: Name of the user's argument, for errors.
        overrides: Arguments of the class that replace those in the file, such as dtype.

    Raises:
        InputError: A file is missing or damaged, or the weights belong to another network.
    """
    folder = Path(folder)
    text = read_config(folder, argument=argument)
    arrays = read_arrays(folder / WEIGHTS, argument=argument)
    # The weights are checked first, so that a damaged file builds no network.
    _check(arrays, _shapes(text, folder, arrays, argument), argument=argument)
    try:
        generator = NETWORKS[text["class_name"]].build({**text["config"], **overrides}, arrays)
    except (TypeError, ValueError) as error:
        raise _unusable(folder / CONFIG, argument, reason=str(error)) from None
    generator.class_names = tuple(map(str, (text.get("about") or {}).get("class_names", ())))
    return generator


def _shapes(text: dict, folder: Path, arrays: dict, argument: str) -> dict:
    """Returns the shapes of the weights of a network by name, before the network is built."""
    try:
        return NETWORKS[text["class_name"]].shapes(text["config"], arrays)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise _unusable(folder / CONFIG, argument, reason=str(error)) from None


def read_config(folder: str | os.PathLike, *, argument: str = "generator") -> dict:
    """Reads and checks config.json of a folder.

    Raises:
        InputError: The file is missing or damaged, or names an unknown class.
    """
    path = Path(folder) / CONFIG
    try:
        text = json.loads(path.read_text("utf-8"))
        known = text["class_name"] in NETWORKS and isinstance(text["config"], dict)
    except FileNotFoundError:
        raise InputError(
            argument,
            f"must be a folder with {CONFIG} and {WEIGHTS}",
            **{argument: str(folder)},
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unusable(path, argument, reason=repr(error)) from None
    if not known:
        raise _unusable(path, argument, class_name=text["class_name"])
    return text


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, storage: str) -> None:
    """Writes arrays atomically as the data sets of an HDF5 file.

    Args:
        path: Path of the file.
        arrays: Arrays by name; slashes in names make groups.
        storage: Dtype of the data sets, one of `STORAGE`.

    Raises:
        InputError: An array is too large for the storage.
    """
    import h5py

    _check_range(arrays, storage=storage)
    partial = path.with_name(path.name + ".partial")
    with h5py.File(partial, "w") as file:
        for name, array in sorted(arrays.items()):
            file.create_dataset(name, data=array.astype(storage), track_times=False)
    os.replace(partial, path)


def read_arrays(path: Path, *, argument: str) -> dict[str, np.ndarray]:
    """Reads the arrays of `write_arrays`, in the dtypes of the file.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        return hdf5.read(path, argument=argument)
    except InputError as error:
        raise _unusable(path, argument, reason=str(error)) from None


def _check_range(arrays, *, storage) -> None:
    for name, array in arrays.items():
        if storage == "float16" and not np.abs(array).max() <= _LARGEST_FLOAT16:
            raise InputError("storage", "must be float32 for these weights", weight=name)


def _check(arrays: dict, shapes: dict, *, argument: str) -> None:
    missing = sorted(shapes.keys() - arrays.keys())
    extra = sorted(arrays.keys() - shapes.keys())
    if missing or extra:
        raise InputError(
            argument,
            f"must have the weights of its network in {WEIGHTS}",
            missing=missing[:5],
            extra=extra[:5],
        )
    for name, shape in shapes.items():
        if arrays[name].shape != tuple(shape):
            raise InputError(
                argument,
                f"must have weights of the network's shapes; {name} has another",
                expected_shape=tuple(shape),
                shape=arrays[name].shape,
            )


def _unusable(path: Path, argument: str, **received) -> InputError:
    return InputError(argument, f"must have a usable {path.name}", path=str(path), **received)
