"""NVIDIA's TensorFlow 1 pickles: (G, D, Gs), three Networks of dnnlib.tflib.

A Network is pickled as a dict: 'version', 'name', 'static_kwargs' (the arguments of the function
that builds it), 'components' (Networks by name), 'build_module_src', 'build_func_name' and
'variables', a list of (name, array). stylegan2 wrote version 4, stylegan2-ada version 5.

Arrays are NHWC and [kh, kw, in, out], as ours are, with three differences. The kernel of an
upsampling convolution is rotated by 180 degrees, the bias of a style is smaller by one, and
stylegan2's embedding of a label has no equalised learning rate.

fmap_base is half of channel_base. The result does not depend on fused_modconv.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from brgm_tf.core.validation import positive_float
from brgm_tf.weights.formats import options
from brgm_tf.weights.formats.checkpoint import Checkpoint, Tensor
from brgm_tf.weights.formats.limits import one_error
from brgm_tf.weights.formats.options import Options
from brgm_tf.weights.formats.records import Record

_NETWORKS = {"G": 0, "G_ema": 2}
_STYLEGAN2, _ADA = "an NVIDIA stylegan2 pickle", "an NVIDIA stylegan2-ada pickle"
_SYNTHESIS = {"G_synthesis_stylegan2": _STYLEGAN2, "G_synthesis": _ADA}
_FIRST_VERSION = 4
# Options of training, truncation and implementation, which do not change the network.
_WITHOUT_EFFECT = (
    *("truncation_psi", "truncation_cutoff", "truncation_psi_val", "truncation_cutoff_val"),
    *("dlatent_avg_beta", "w_avg_beta", "style_mixing_prob", "structure", "randomize_noise"),
    *("dtype", "num_fp16_res", "fused_modconv", "mapping_func", "synthesis_func"),
)
_LAYER = re.compile(r"synthesis/b(\d+)/(conv0|conv1|torgb|skip)/(.+)")
_LAYER_NAMES = {"conv0": "Conv0_up", "conv1": "Conv1", "torgb": "ToRGB", "skip": "Skip"}
_WEIGHT_NAMES = {"affine/weight": "mod_weight", "affine/bias": "mod_bias"}


def matches(data: object) -> bool:
    """Returns whether the data are a triple of Networks."""
    return isinstance(data, tuple | list) and len(data) == 3 and all(map(is_network, data))


def is_network(record: object) -> TypeGuard[Record]:
    """Returns whether a record is a pickled Network with a state."""
    return (
        isinstance(record, Record)
        and record.name == "Network"
        and isinstance(record.state, dict)
        and "build_func_name" in record.state
    )


def unsupported(data: Sequence) -> str | None:
    """Describes Networks that are not a StyleGAN2 of configs e or f; returns None for one."""
    network = data[2].state
    build = network["build_func_name"]
    if build == "G_paper":
        return "a Progressive GAN (TensorFlow 1)"
    if build == "G_style":
        return "a StyleGAN1 (TensorFlow 1), which is config a in the paper of StyleGAN2"
    functions = {name: _build_function(part) for name, part in _components(network).items()}
    if functions.get("synthesis") == "G_synthesis_stylegan_revised":
        return "a StyleGAN2 of config b, c or d, with progressive growing (TensorFlow 1)"
    version = network.get("version")
    if not isinstance(version, int) or version < _FIRST_VERSION:
        return "a pickle of dnnlib.tflib Networks from before version 4"
    is_known = build == "G_main" and functions.get("mapping") == "G_mapping"
    if not is_known or functions.get("synthesis") not in _SYNTHESIS:
        return "a pickle of dnnlib.tflib Networks with other functions than StyleGAN2's"
    return None


def read(data: Sequence, *, network: str, argument: str) -> Checkpoint:
    """Reads a generator.

    Args:
        data: Object in the pickle.
        network: 'G_ema' or 'G'.
        argument: Name of the argument (or flag) that gave the file.

    Raises:
        InputError: an option is unknown.
    """
    state = data[_NETWORKS[network]].state
    with one_error(argument):
        arrays = _arrays(state)
        origin = _SYNTHESIS[_build_function(_components(state)["synthesis"])]
    config = _config(Options(state.get("static_kwargs"), argument=argument, origin=origin), origin)
    arrays.pop("lod", None)
    return Checkpoint(
        origin=origin,
        config=config,
        arrays=arrays,
        source=functools.partial(_source, config=config),
    )


def _components(state: Mapping) -> dict:
    components = state.get("components")
    return components if isinstance(components, dict) else {}


def _build_function(part: object) -> Any:
    return part.state["build_func_name"] if is_network(part) else None


def _arrays(state: Mapping) -> dict[str, np.ndarray]:
    """Returns the variables of a network; names in components start with 'component/'."""
    arrays = _variables(state, prefix="")
    for name, part in _components(state).items():
        arrays |= _variables(part.state, prefix=f"{name}/")
    return arrays


def _variables(state: Mapping, *, prefix: str) -> dict[str, np.ndarray]:
    arrays = {}
    for name, value in state["variables"]:
        # A variable without axes is pickled as a NumPy scalar.
        if not isinstance(name, str) or not isinstance(value, np.ndarray | np.generic):
            raise ValueError("a variable must be an array with a name")
        arrays[prefix + name] = np.asarray(value)
    return arrays


def _config(given: Options, origin: str) -> dict:
    z_dim = given.take("latent_size", 512, options.size)
    w_dim = given.take("dlatent_size", 512, options.size)
    c_dim = given.take("label_size", 0, options.size_or_zero)
    # The two functions that build the mapping network have different defaults.
    width = 512 if origin == _STYLEGAN2 else w_dim
    config = {
        "resolution": given.take("resolution", 1024, options.resolution),
        "channels": given.take("num_channels", 3, options.channels),
        "z_dim": z_dim,
        "w_dim": w_dim,
        "c_dim": c_dim,
        "architecture": given.take("architecture", "skip", options.architecture),
        "channel_base": 2 * given.take("fmap_base", 16384, options.capacity),
        "channel_max": given.take("fmap_max", 512, options.size),
        "kernel_size": 3,
        "activation": given.take("nonlinearity", "lrelu", options.activation),
        "mapping_depth": given.take("mapping_layers", 8, options.layers),
        "mapping_width": given.take("mapping_fmaps", width, options.size, none=w_dim),
        "mapping_activation": given.take("mapping_nonlinearity", "lrelu", options.activation),
        "mapping_lr_multiplier": given.take("mapping_lrmul", 0.01, positive_float),
        # None stands for a box filter in TensorFlow.
        "resample_filter": given.take("resample_kernel", [1, 3, 3, 1], options.taps, none=[1, 1]),
        "use_noise": True,
        "conv_clamp": None,
        "embedding_width": z_dim,
    }
    given.require("fmap_decay", 1)
    given.require("fmap_min", 1)
    if origin == _ADA:
        given.require("fmap_const", None)
        config["use_noise"] = given.take("use_noise", True, options.switch)
        config["conv_clamp"] = given.take("conv_clamp", None, positive_float, none=None)
        config["embedding_width"] = given.take("label_fmaps", z_dim, options.size, none=z_dim)
        if c_dim:
            # The embedding is normalised even if this option is off.
            given.require("normalize_latents", True)
    is_normalized = given.take("normalize_latents", True, options.switch)
    normalization = "separate" if origin == _ADA else "joint"
    config["normalization"] = normalization if is_normalized else "none"
    given.ignore(*_WITHOUT_EFFECT)
    given.finish()
    return config


def _source(path: str, *, config: Mapping) -> Tensor:
    """Returns the tensor for the path of our weight."""
    layer = _LAYER.fullmatch(path)
    if layer:
        return _layer_source(int(layer[1]), *layer.groups()[1:])
    if path == "w_avg":
        return Tensor("dlatent_avg")
    if path == "synthesis/b4/const":
        return Tensor("synthesis/4x4/Const/const", axes=(None, 2, 0, 1))
    if path == "mapping/embed/weight" and config["normalization"] != "separate":
        # Our weight is divided by sqrt(C) when it is used.
        return Tensor(
            "mapping/LabelConcat/weight", change=lambda array: array * np.sqrt(config["c_dim"])
        )
    name = path.replace("/embed/", "/LabelEmbed/")
    return Tensor(re.sub(r"/fc(\d+)/", r"/Dense\1/", name))


def _layer_source(resolution: int, layer: str, weight: str) -> Tensor:
    if weight == "noise_const":
        first = 2 * (resolution.bit_length() - 1) - 5
        number = 0 if resolution == 4 else first + int(layer[-1])
        return Tensor(f"synthesis/noise{number}", axes=(None, None, 0, 1))
    name = "Conv" if resolution == 4 and layer == "conv1" else _LAYER_NAMES[layer]
    change = {
        ("conv0", "weight"): lambda array: array[::-1, ::-1],
        (layer, "affine/bias"): lambda array: array + 1,
    }.get((layer, weight))
    weight = _WEIGHT_NAMES.get(weight, weight)
    return Tensor(f"synthesis/{resolution}x{resolution}/{name}/{weight}", change=change)
