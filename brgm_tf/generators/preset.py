"""Generators as folders: config.json and model.weights.h5.

config.json has "class_name", "config" (the arguments of the class) and "about" (any other
facts). model.weights.h5 has one data set for each weight, named by the path of the weight in
the network: 'synthesis/b8/conv0/weight', 'w_avg'. float16 data sets halve the file; the reader
casts them to the dtype of the weight.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.generators.stylegan2_config import StyleGAN2Config
from brgm_tf.generators.weight_shapes import weight_shapes
from brgm_tf.weights.formats import hdf5

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
STORAGE = ("float32", "float16")
_LARGEST_FLOAT16 = 65504.0
_OTHER_ARGUMENTS = ("seed", "dtype", "name")  # of StyleGAN2, besides the fields of its config


def _classes() -> dict:
    from brgm_tf.generators.stylegan2 import StyleGAN2

    return {"StyleGAN2": StyleGAN2}


def save_preset(
    generator: Any,
    folder: str | os.PathLike,
    *,
    storage: str = "float32",
    about: dict | None = None,
) -> Path:
    """Writes a generator as a folder.

    Args:
        generator: Generator of this package, with `get_config`.
        folder: Path of the folder, which is created if necessary. Existing files with the
            names of the two files are replaced.
        storage: Dtype of the weights in the file, 'float32' or 'float16'; default 'float32'.
        about: Other facts for config.json, or None. 'class_names', a list, names the classes of a
            conditional generator.

    Returns:
        The folder.

    Raises:
        InputError: The storage is unknown, or a weight is too large for it.
    """
    if storage not in STORAGE:
        raise InputError("storage", "must be one of " + ", ".join(STORAGE), storage=storage)
    folder = Path(folder)
    arrays = {name: np.asarray(weight) for name, weight in _weights(generator).items()}
    _check_range(arrays, storage=storage)
    folder.mkdir(parents=True, exist_ok=True)
    text = {
        "class_name": type(generator).__name__,
        "config": generator.get_config(),
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
    build = _classes()[text["class_name"]]
    # The weights are checked first, so that a damaged file builds no network.
    _check(arrays, _shapes(text["config"], folder, arrays, argument), argument=argument)
    try:
        generator = build(**{**text["config"], **overrides})
    except (TypeError, ValueError) as error:
        raise _unusable(folder / CONFIG, argument, reason=str(error)) from None
    for name, weight in _weights(generator).items():
        weight.assign(arrays[name].astype(weight.dtype))
    generator.class_names = tuple(map(str, (text.get("about") or {}).get("class_names", ())))
    return generator


def _shapes(config: dict, folder: Path, arrays: dict, argument: str) -> dict:
    """Returns the shapes of the weights of a network by name, before the network is built."""
    fields = {field.name for field in dataclasses.fields(StyleGAN2Config)}
    unknown = sorted(config.keys() - fields - set(_OTHER_ARGUMENTS))
    try:
        if unknown:
            raise ValueError(f"unknown arguments {unknown[:5]}")
        options = StyleGAN2Config(**{n: v for n, v in config.items() if n in fields})
        # A file with fewer weights than layers is damaged; the shapes would fill the memory.
        if not 0 < options.mapping_depth <= len(arrays):
            raise ValueError("too many layers")
        return weight_shapes(options)
    except (TypeError, ValueError, KeyError) as error:
        raise _unusable(folder / CONFIG, argument, reason=str(error)) from None


def read_config(folder: str | os.PathLike, *, argument: str = "generator") -> dict:
    """Reads and checks config.json of a folder.

    Raises:
        InputError: The file is missing or damaged, or names an unknown class.
    """
    path = Path(folder) / CONFIG
    try:
        text = json.loads(path.read_text("utf-8"))
        known = text["class_name"] in _classes() and isinstance(text["config"], dict)
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


def _weights(generator) -> dict:
    return {weight.path.removeprefix(f"{generator.name}/"): weight for weight in generator.weights}


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
