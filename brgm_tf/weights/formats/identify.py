"""Identification of checkpoints: a StyleGAN2 of a known format, or a description."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import (
    detect,
    inert,
    nvidia_pytorch,
    nvidia_tf1,
    rosinality,
    torch_file,
)
from brgm_tf.weights.formats.checkpoint import Checkpoint
from brgm_tf.weights.formats.limits import one_error
from brgm_tf.weights.formats.records import Record

# Modules of the formats, each with `matches`, `unsupported` and `read`.
FORMATS: tuple[Any, ...] = (nvidia_tf1, nvidia_pytorch, rosinality)
NETWORKS = ("G_ema", "G")
_LOADERS = {
    "pickle": inert.load,
    "torch_zip": torch_file.load,
    "torch_legacy": torch_file.load,
    "torchscript": torch_file.load,
}
_SUPPORTED = (
    "Give a pickle of NVIDIA's stylegan2 (configs e and f), stylegan2-ada, stylegan2-ada-pytorch"
    " or stylegan3 (its StyleGAN2 configurations), or a checkpoint of rosinality's"
    " stylegan2-pytorch"
)
# Keys of a dict -> its description.
_DICTS = (
    (
        {"generator", "g_running"},
        "a checkpoint of rosinality's style-based-gan-pytorch (StyleGAN1)",
    ),
    ({"GAN", "version"}, "a checkpoint of lucidrains' stylegan2-pytorch"),
    ({"state_dict", "latent_avg"}, "a checkpoint of an encoder (pSp, e4e)"),
)


def read(path: str | os.PathLike, *, argument: str, network: str = "G_ema") -> Checkpoint:
    """Reads a StyleGAN2 generator's options and arrays from a file of any format.

    Args:
        path: Path of the file.
        argument: Name of the argument (or flag) that gave the file.
        network: 'G_ema', the moving average over training (Gs in TensorFlow), or 'G'.

    Raises:
        InputError: the file is damaged, is not a checkpoint, or its options or tensors do not
            belong to a StyleGAN2.
    """
    if network not in NETWORKS:
        raise InputError("network", "must be one of " + ", ".join(NETWORKS), network=network)
    kind = detect.kind(path, argument=argument)
    if kind not in _LOADERS:
        raise _refusal(path, _describe_file(path, kind, argument=argument), argument=argument)
    data = _LOADERS[kind](path, argument=argument)
    with one_error(argument):
        format = next((each for each in FORMATS if each.matches(data)), None)
        problem = _describe(data) if format is None else format.unsupported(data)
    if format is None or problem:
        raise _refusal(path, problem, argument=argument)
    return format.read(data, network=network, argument=argument)


def _refusal(path: str | os.PathLike, description: str, *, argument: str) -> InputError:
    return InputError(
        argument,
        f"must be a StyleGAN2 generator, and this is {description}",
        remedy=_SUPPORTED,
        **{argument: os.fspath(path)},
    )


def _describe_file(path: str | os.PathLike, kind: str, *, argument: str) -> str:
    if kind == "unknown":
        return detect.describe(path, argument=argument)
    return {
        "hdf5": "an HDF5 file",
        "npz": "an archive of NumPy arrays",
        "zip": "a zip archive",
        "preset": "a folder with config.json and model.weights.h5",
        "saved_model": "a SavedModel",
    }.get(kind, f"of the kind {kind}")


def _describe(data: object) -> str:
    """Describes the contents of a file in an unknown format."""
    if isinstance(data, dict):
        return _describe_dict(data)
    if isinstance(data, Record):
        name = nvidia_pytorch.class_name(data) or f"{data.module}.{data.name}"
        return f"a single pickled object, {name[:80]!a}"
    return f"a pickled {type(data).__name__}"


def _describe_dict(data: dict) -> str:
    keys = {key for key in data if isinstance(key, str)}
    for signature, description in _DICTS:
        if signature <= keys:
            return description
    if any(key.startswith("generator.progression.") for key in keys):
        return "a bare state dict of rosinality's style-based-gan-pytorch (StyleGAN1)"
    if keys and all(isinstance(data[key], np.ndarray) for key in keys):
        if not rosinality.SIGNATURE.isdisjoint(keys):
            return "a bare state dict of rosinality's generator: save it as {'g_ema': ...}"
        return f"a bare state dict with tensors such as {min(keys)[:80]!a}"
    return f"a dict with the keys {sorted(key[:40] for key in keys)[:8]!a}"
