"""Checkpoints of rosinality's stylegan2-pytorch: torch.save of dict(g_ema, latent_avg, ...).

'g_ema' is a state dict. Files of train.py contain 'g' as well, and lack latent_avg. The options of
the network are not in the file and are inferred from the shapes. The learning rate of the mapping
network is 0.01, as in the original.

    style.1 ... style.n           mapping network
    input.input                   constant
    conv1, to_rgb1                block 4
    convs.0, convs.1, to_rgbs.0   block 8, and so on
    noises.noise_0, ...           noise maps

Dense weights are [out, in], convolutions [1, out, in, kh, kw]; filters are stored with gain 4.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TypeGuard

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import filters, options
from brgm_tf.weights.formats.checkpoint import Checkpoint, Tensor
from brgm_tf.weights.formats.limits import one_error

_NETWORKS = {"G": "g", "G_ema": "g_ema"}
_ORIGIN = "a rosinality checkpoint"
_FILTER_GAIN = 4.0
SIGNATURE = {"input.input", "conv1.conv.weight", "to_rgb1.conv.weight"}
_BLOCK_PART = re.compile(r"(convs|to_rgbs)\.(\d{1,3})\.")
_MAPPING_WEIGHT = re.compile(r"style\.\d+\.weight")
_LAYER = re.compile(r"synthesis/b(\d+)/(conv0|conv1|torgb)/(.+)")
_DENSE, _CONV = (1, 0), (None, 3, 2, 0, 1)


def matches(data: object) -> bool:
    """Returns whether the data are a dict with state dicts of rosinality's generator."""
    return isinstance(data, dict) and any(
        _is_state(data.get(key)) and not SIGNATURE.isdisjoint(data[key])
        for key in _NETWORKS.values()
    )


def unsupported(data: dict) -> str | None:
    """Describes a generator that is not a StyleGAN2; returns None for a StyleGAN2."""
    names = {name for key in _NETWORKS.values() for name in data.get(key, ())}
    if any(".iwt." in f".{name}" for name in names):
        return "a SWAGAN (rosinality's stylegan2-pytorch with --arch swagan)"
    return None


def read(data: dict, *, network: str, argument: str) -> Checkpoint:
    """Reads a generator.

    Args:
        data: Object in the file.
        network: 'G_ema' or 'G'.
        argument: Name of the argument (or flag) that gave the file.

    Raises:
        InputError: the generator is missing, or its tensors do not belong to a StyleGAN2.
    """
    state = data.get(_NETWORKS[network])
    if not _is_state(state):
        raise InputError("network", f"must be in the file, which has no {network}", network=network)
    with one_error(argument):
        config = _config(state, argument=argument)
    arrays = filters.remove_filters(
        state,
        names=_filter_names(config["resolution"]),
        taps=config["resample_filter"],
        gain=_FILTER_GAIN,
        argument=argument,
    )
    # The file stores the mean of w of g_ema only.
    mean = data.get("latent_avg") if network == "G_ema" else None
    if isinstance(mean, np.ndarray):
        arrays["latent_avg"] = mean
    return Checkpoint(
        origin=_ORIGIN,
        config=config,
        arrays=arrays,
        source=functools.partial(_source, has_mean="latent_avg" in arrays),
    )


def _is_state(state: object) -> TypeGuard[dict[str, np.ndarray]]:
    return isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(array, np.ndarray) for name, array in state.items()
    )


def _shape(
    arrays: Mapping[str, np.ndarray], name: str, axes: int, *, argument: str
) -> tuple[int, ...]:
    """Returns the shape of a tensor that defines the network."""
    if name not in arrays:
        raise InputError(
            argument, f"must have the tensors of its network, as {_ORIGIN} has them", missing=[name]
        )
    shape = arrays[name].shape
    if len(shape) != axes:
        raise InputError(
            argument, f"must have {axes} axes in {name}, as {_ORIGIN} has them", shape=shape
        )
    return shape


def _last_block(arrays: Mapping[str, np.ndarray]) -> int:
    """Returns 0 for a network of 4 x 4 pixels, 1 for 8 x 8, and so on, by the tensors' names."""
    parts = filter(None, map(_BLOCK_PART.match, arrays))
    return max((1 + int(part[2]) // (2 if part[1] == "convs" else 1) for part in parts), default=0)


def _config(arrays: Mapping[str, np.ndarray], *, argument: str) -> dict:
    w_dim = _shape(arrays, "style.1.weight", 2, argument=argument)[0]
    resolution = options.resolution(4 << min(_last_block(arrays), 9))
    convs = ["conv1"] + [f"convs.{2 * k + 1}" for k in range(_last_block(arrays))]
    shapes = [_shape(arrays, f"{conv}.conv.weight", 5, argument=argument) for conv in convs]
    widths = [shape[1] for shape in shapes]
    channel_base, channel_max = widths[-1] * resolution, max(widths)
    if any(width != min(channel_base // (4 << k), channel_max) for k, width in enumerate(widths)):
        raise InputError(
            argument,
            "must have min(channel_base / r, channel_max) features at resolution r",
            features=widths,
        )
    kernel = arrays.get("to_rgbs.0.upsample.kernel")
    return {
        "resolution": resolution,
        "channels": options.channels(_shape(arrays, "to_rgb1.bias", 4, argument=argument)[1]),
        "z_dim": w_dim,
        "w_dim": w_dim,
        "c_dim": 0,
        "architecture": "skip",
        "channel_base": channel_base,
        "channel_max": channel_max,
        "kernel_size": options.kernel(shapes[0][3]),
        "activation": "lrelu",
        "use_noise": True,
        "mapping_depth": options.layers(len([*filter(_MAPPING_WEIGHT.fullmatch, arrays)])),
        "mapping_width": w_dim,
        "mapping_activation": "lrelu",
        "mapping_lr_multiplier": 0.01,
        "embedding_width": w_dim,
        "normalization": "separate",
        "resample_filter": [1, 3, 3, 1] if kernel is None else filters.taps_of(kernel),
        "conv_clamp": None,
    }


def _filter_names(resolution: int) -> list[str]:
    blocks = range(resolution.bit_length() - 3)
    convs = [f"convs.{2 * k}.conv.blur.kernel" for k in blocks]
    return convs + [f"to_rgbs.{k}.upsample.kernel" for k in blocks]


def _source(path: str, *, has_mean: bool) -> Tensor | None:
    """Returns the tensor for the path of our weight; None if the file lacks it."""
    match = _LAYER.fullmatch(path)
    if match:
        return _layer_source(int(match[1]).bit_length() - 3, match[2], match[3])
    if path == "w_avg":
        return Tensor("latent_avg") if has_mean else None
    if path == "synthesis/b4/const":
        return Tensor("input.input", axes=(None, 2, 0, 1))
    _, layer, weight = path.split("/")
    name = f"style.{1 + int(layer.removeprefix('fc'))}.{weight}"
    return Tensor(name, axes=_DENSE if weight == "weight" else None)


def _layer_source(block: int, layer: str, weight: str) -> Tensor:
    """Returns the tensor for a weight of resolution 4 * 2^block."""
    conv = 2 * (block - 1) + int(layer == "conv1")
    if weight == "noise_const":
        return Tensor(f"noises.noise_{conv + 1}", axes=(None, None, 0, 1))
    if layer == "torgb":
        name = f"to_rgbs.{block - 1}" if block else "to_rgb1"
        bias = Tensor(f"{name}.bias", axes=(None, 0, None, None))
    else:
        name = f"convs.{conv}" if block else "conv1"
        bias = Tensor(f"{name}.activate.bias")
    return {
        "weight": Tensor(f"{name}.conv.weight", axes=_CONV),
        "bias": bias,
        "affine/weight": Tensor(f"{name}.conv.modulation.weight", axes=_DENSE),
        "affine/bias": Tensor(f"{name}.conv.modulation.bias"),
        "noise_strength": Tensor(f"{name}.noise.weight", axes=(None,)),
    }[weight]
