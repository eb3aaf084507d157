"""Generators as folders: config.json and model.weights.h5.

config.json has "class_name" and "config", the arguments of the class, and whatever else is
known ("about"). model.weights.h5 has one data set a weight, named by the weight's path in the
network: 'synthesis/b8/conv0/weight', 'w_avg'. Data sets may be float16, which halves the file;
they are cast to the weight's own type when read.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.generators.weight_shapes import weight_shapes
from brgm_tf.weights.formats import hdf5

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
STORAGE = ("float32", "float16")
# Largest float16.
_LIMIT = 65504.0


def _classes() -> dict:
    from brgm_tf.generators.stylegan2 import StyleGAN2

    return {"StyleGAN2": StyleGAN2}


def save_preset(generator, folder, *, storage: str = "float32", about: dict | None = None) -> Path:
    """Writes a generator as a folder.

    Args:
        generator: a generator of this package, with `get_config`.
        folder: made if need be; files of these names there are replaced.
        storage: 'float32' or 'float16', the type of the numbers in the file.
        about: more to be known, for JSON.

    Returns:
        The folder.

    Raises:
        InputError: the storage is unknown, or a weight is too large for it.
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


def load_preset(folder, *, argument: str = "generator", **overrides):
    """Reads a generator from its folder.

    Args:
        folder: as `save_preset` writes it.
        argument: name of the user's argument, for errors.
        overrides: arguments of the class other than those in the file, such as dtype.

    Raises:
        InputError: a file is missing or damaged, or its weights are not those of the network.
    """
    folder = Path(folder)
    text = read_config(folder, argument=argument)
    arrays = read_arrays(folder / WEIGHTS, argument=argument)
    build = _classes()[text["class_name"]]
    # No network is built that the file does not have the weights of.
    _check(arrays, _shapes(build, text["config"], folder, arrays, argument), argument=argument)
    try:
        generator = build(**{**text["config"], **overrides})
    except (TypeError, ValueError) as error:
        raise _unusable(folder / CONFIG, argument, reason=str(error)) from None
    for name, weight in _weights(generator).items():
        weight.assign(arrays[name].astype(weight.dtype))
    return generator


def _shapes(build, config: dict, folder: Path, arrays: dict, argument: str) -> dict:
    """Shapes of the weights of a network by name, before there is one."""
    parameters = inspect.signature(build).parameters
    given = {name: parameter.default for name, parameter in parameters.items()} | config
    unknown = sorted(config.keys() - parameters.keys())
    for width in ("mapping_width", "embedding_width"):
        given[width] = given["w_dim"] if given[width] is None else given[width]
    try:
        if unknown or not 0 < given["mapping_depth"] <= len(arrays):
            raise ValueError(f"unknown arguments {unknown[:5]}, or too many layers")
        return weight_shapes(given)
    except (TypeError, ValueError, KeyError) as error:
        raise _unusable(folder / CONFIG, argument, reason=str(error)) from None


def read_config(folder, *, argument: str = "generator") -> dict:
    """Reads and checks config.json of a folder.

    Raises:
        InputError: it is missing, damaged, or of a class that is not known.
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
    """Writes arrays as an HDF5 file of one data set each, whole or not at all.

    Args:
        path: the file.
        arrays: by name; slashes in names make groups.
        storage: of `STORAGE`.

    Raises:
        InputError: an array is too large for the storage.
    """
    import h5py

    _check_range(arrays, storage=storage)
    partial = path.with_name(path.name + ".partial")
    with h5py.File(partial, "w") as file:
        for name, array in sorted(arrays.items()):
            file.create_dataset(name, data=array.astype(storage), track_times=False)
    os.replace(partial, path)


def read_arrays(path: Path, *, argument: str) -> dict[str, np.ndarray]:
    """Reads what `write_arrays` wrote, in the types of the file.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    try:
        return hdf5.read(path, argument=argument)
    except InputError as error:
        raise _unusable(path, argument, reason=str(error)) from None


def _check_range(arrays, *, storage) -> None:
    for name, array in arrays.items():
        if storage == "float16" and not np.abs(array).max() <= _LIMIT:
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
