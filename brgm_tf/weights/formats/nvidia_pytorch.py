"""Pickles of stylegan2-ada-pytorch, and of the StyleGAN2 configurations of stylegan3.

A pickle is a dict with 'G', 'D' and 'G_ema', modules saved by torch_utils.persistence. Each module
is a call of _reconstruct_persistent_obj with dict(class_name, module_src, state). The state is the
`__dict__` of the module with the arguments of its constructor, _init_args and _init_kwargs. The
Generator of stylegan3 takes the options of the synthesis network itself; the Generator of
stylegan2-ada-pytorch takes them in synthesis_kwargs. Their defaults differ in conv_clamp.

Weights have the same names as ours. Dense weights are [out, in], convolutions [out, in, kh, kw].
"""

from __future__ import annotations

from collections.abc import Mapping

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import positive_float
from brgm_tf.weights.formats import filters, modules, options
from brgm_tf.weights.formats.checkpoint import Checkpoint, Tensor
from brgm_tf.weights.formats.options import Options
from brgm_tf.weights.formats.records import Record

_DEFAULT_TAPS = [1, 3, 3, 1]
_ORIGIN = "a stylegan2-ada-pytorch pickle"
_SYNTHESIS = "synthesis_kwargs"
_POSITIONAL = (
    *("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"),
    *("mapping_kwargs", _SYNTHESIS),
)


def matches(data: object) -> bool:
    """Returns whether the data are a dict with saved generators."""
    return isinstance(data, dict) and class_name(data.get("G_ema", data.get("G"))) is not None


def class_name(module: object) -> str | None:
    """Returns the class name of a module saved by torch_utils.persistence, else None."""
    if not isinstance(module, Record) or module.name != "_reconstruct_persistent_obj":
        return None
    meta = module.args[0] if module.args else None
    name = meta.get("class_name") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else None


def unsupported(data: dict) -> str | None:
    """Describes generators that are not a StyleGAN2; returns None for a StyleGAN2."""
    generator = data.get("G_ema", data.get("G"))
    name = class_name(generator) or ""
    synthesis = _part(generator, "synthesis")
    if name != "Generator" or synthesis is None:
        return f"a pickle of torch_utils.persistence whose generator is a {name[:80]!a}"
    if _part(synthesis, "input") is not None:
        return "a StyleGAN3"
    if class_name(_part(synthesis, "b4")) != "SynthesisBlock":
        return "a pickle of torch_utils.persistence with a synthesis network unlike StyleGAN2's"
    return None


def read(data: dict, *, network: str, argument: str) -> Checkpoint:
    """Reads a generator.

    Args:
        data: Object in the pickle.
        network: 'G_ema' or 'G'.
        argument: Name of the argument (or flag) that gave the file.

    Raises:
        InputError: the generator is missing, an option is unknown, or a filter contradicts the
            options.
    """
    generator = data.get(network)
    if class_name(generator) is None:
        raise InputError("network", f"must be in the file, which has no {network}", network=network)
    arrays = modules.named_arrays(generator, argument=argument)
    config, has_mean = _config(generator, argument=argument)
    used, unused = _filter_names(config)
    for names, taps in ((used, config["resample_filter"]), (unused, _DEFAULT_TAPS)):
        arrays = filters.remove_filters(arrays, names=names, taps=taps, gain=1.0, argument=argument)
    return Checkpoint(
        origin=_ORIGIN,
        config=config,
        arrays=arrays,
        source=lambda path: None if path == "w_avg" and not has_mean else _source(path),
    )


def _part(module: object, name: str) -> object:
    """Returns a submodule; None if there is none."""
    parts = modules.state_of(module).get("_modules")
    return parts.get(name) if isinstance(parts, Mapping) else None


def _options(module: object, *, argument: str) -> dict:
    """Returns the arguments of a saved module's constructor by name."""
    state = modules.state_of(module)
    given, named = state.get("_init_args", ()), state.get("_init_kwargs", {})
    if not isinstance(given, tuple) or len(given) > len(_POSITIONAL) or type(named) is not dict:
        raise InputError(argument, "must have the arguments of its generator's constructor")
    return {**dict(zip(_POSITIONAL, given, strict=False)), **named}


def _config(generator: object, *, argument: str) -> tuple[dict, bool]:
    """Returns the arguments of our network, and whether the file has a mean of w."""

    def group(values: object) -> Options:
        return Options(values, argument=argument, origin=_ORIGIN)

    given = _options(generator, argument=argument)
    mapping, synthesis_options = group(given.pop("mapping_kwargs", {})), given.pop(_SYNTHESIS, None)
    network = group(given)
    # In stylegan3, the options of the synthesis network are among the options of the generator.
    synthesis = network if synthesis_options is None else group(synthesis_options)
    w_dim = network.take("w_dim", None, options.size)
    config = {
        "resolution": network.take("img_resolution", None, options.resolution),
        "channels": network.take("img_channels", None, options.channels),
        "z_dim": network.take("z_dim", None, options.size),
        "w_dim": w_dim,
        "c_dim": network.take("c_dim", None, options.size_or_zero),
        "mapping_depth": mapping.take("num_layers", 8, options.layers),
        "mapping_width": mapping.take("layer_features", None, options.size, none=w_dim),
        "mapping_activation": mapping.take("activation", "lrelu", options.activation),
        "mapping_lr_multiplier": mapping.take("lr_multiplier", 0.01, positive_float),
        "embedding_width": mapping.take("embed_features", None, options.size, none=w_dim),
        "normalization": "separate",
        "architecture": synthesis.take("architecture", "skip", options.architecture),
        "channel_base": synthesis.take("channel_base", 32768, options.capacity),
        "channel_max": synthesis.take("channel_max", 512, options.size),
        "kernel_size": synthesis.take("kernel_size", 3, options.kernel),
        "activation": synthesis.take("activation", "lrelu", options.activation),
        "use_noise": synthesis.take("use_noise", True, options.switch),
        # None stands for the absence of a filter in PyTorch.
        "resample_filter": synthesis.take("resample_filter", _DEFAULT_TAPS, options.taps, none=[1]),
        "conv_clamp": synthesis.take(
            "conv_clamp", _default_clamp(generator), positive_float, none=None
        ),
    }
    decay = mapping.take("w_avg_beta", 1, lambda value: value, none=None)
    # Precision and memory layout do not change what is computed.
    synthesis.ignore("num_fp16_res", "fp16_channels_last", "channels_last", "fused_modconv_default")
    for each in (network, mapping, synthesis):
        each.finish()
    return config, decay is not None


def _default_clamp(generator: object) -> object:
    """Returns the clamp of a convolution, for options that do not state it."""
    conv = _part(_part(_part(generator, "synthesis"), "b4"), "conv1")
    return modules.state_of(conv).get("conv_clamp")


def _source(path: str) -> Tensor:
    """Returns the tensor for the path of our weight."""
    name = "mapping.w_avg" if path == "w_avg" else path.replace("/", ".")
    if path == "synthesis/b4/const":
        return Tensor(name, axes=(2, 0, 1))
    if not path.endswith("/weight"):
        return Tensor(name)
    is_dense = path.startswith("mapping/") or path.endswith("/affine/weight")
    return Tensor(name, axes=(1, 0) if is_dense else (3, 2, 0, 1))


def _filter_names(config: Mapping) -> tuple[list[str], list[str]]:
    """Returns the names of the filters that upsample, and of unused filters."""
    blocks = [f"synthesis.b{2**k}" for k in range(2, config["resolution"].bit_length())]
    used = [f"{block}.resample_filter" for block in blocks]
    used += [f"{block}.conv0.resample_filter" for block in blocks[1:]]
    if config["architecture"] == "resnet":
        used += [f"{block}.skip.resample_filter" for block in blocks[1:]]
    return used, [f"{block}.conv1.resample_filter" for block in blocks]
