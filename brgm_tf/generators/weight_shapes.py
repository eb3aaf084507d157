"""Sizes of StyleGAN2's layers and weights, known before a network is built.

Weights are named by their layers: 'mapping/fc0/weight', 'mapping/embed/weight',
'synthesis/b4/const', 'synthesis/b8/conv0/bias', 'synthesis/b8/conv0/affine/weight',
'synthesis/b8/torgb/bias', 'synthesis/b8/skip/weight', 'w_avg'.
"""

from __future__ import annotations

from brgm_tf.core.errors import InputError


def layer_widths(resolution, *, channel_base, channel_max) -> dict[int, int]:
    """Features of each block, by resolution: min(channel_base / r, channel_max).

    Raises:
        InputError: the resolution is no power of two from 4 to 1024, or a block would
            have no features.
    """
    if (
        isinstance(resolution, bool)
        or not isinstance(resolution, int)
        or not 4 <= resolution <= 1024
        or resolution & (resolution - 1)
    ):
        raise InputError(
            "resolution", "must be a power of two from 4 to 1024", resolution=resolution
        )
    steps = [2**k for k in range(2, resolution.bit_length())]
    widths = {step: min(channel_base // step, channel_max) for step in steps}
    if min(widths.values()) < 1:
        raise InputError(
            "channel_base",
            "must leave at least one feature at the full resolution",
            remedy=f"Use {resolution} or more",
            channel_base=channel_base,
        )
    return widths


def weight_shapes(config: dict) -> dict[str, tuple[int, ...]]:
    """Shape of every weight of a StyleGAN2, by its name.

    Args:
        config: all arguments of `StyleGAN2` that say what its layers are, without None.
    """
    w_dim, channels = config["w_dim"], config["channels"]
    widths = layer_widths(
        config["resolution"],
        channel_base=config["channel_base"],
        channel_max=config["channel_max"],
    )
    shapes = {f"mapping/{name}": shape for name, shape in _mapping_shapes(config).items()}
    shapes["synthesis/b4/const"] = (4, 4, widths[4])
    for resolution, width in widths.items():
        block = f"synthesis/b{resolution}"
        before = widths.get(resolution // 2)
        for name, inputs in (("conv0", before), ("conv1", width)):
            if inputs:
                shapes |= _conv_shapes(f"{block}/{name}", inputs, width, resolution, config=config)
        if config["architecture"] == "skip" or resolution == config["resolution"]:
            shapes |= _modulated_shapes(f"{block}/torgb", width, channels, w_dim=w_dim, kernel=1)
        if config["architecture"] == "resnet" and before:
            shapes[f"{block}/skip/weight"] = (1, 1, before, width)
    return shapes | {"w_avg": (w_dim,)}


def _mapping_shapes(config) -> dict[str, tuple[int, ...]]:
    shapes = {}
    first = config["z_dim"]
    if config["c_dim"]:
        features = config["embedding_width"]
        shapes["embed/weight"] = (config["c_dim"], features)
        if config["normalization"] == "separate":
            shapes["embed/bias"] = (features,)
        first += features
    depth = config["mapping_depth"]
    sizes = [first] + [config["mapping_width"]] * (depth - 1) + [config["w_dim"]]
    for i in range(depth):
        shapes[f"fc{i}/weight"] = (sizes[i], sizes[i + 1])
        shapes[f"fc{i}/bias"] = (sizes[i + 1],)
    return shapes


def _conv_shapes(path, inputs, outputs, resolution, *, config) -> dict[str, tuple[int, ...]]:
    shapes = _modulated_shapes(
        path, inputs, outputs, w_dim=config["w_dim"], kernel=config["kernel_size"]
    )
    if config["use_noise"]:
        shapes[f"{path}/noise_const"] = (resolution, resolution)
        shapes[f"{path}/noise_strength"] = ()
    return shapes


def _modulated_shapes(path, inputs, outputs, *, w_dim, kernel) -> dict[str, tuple[int, ...]]:
    return {
        f"{path}/affine/weight": (w_dim, inputs),
        f"{path}/affine/bias": (inputs,),
        f"{path}/weight": (kernel, kernel, inputs, outputs),
        f"{path}/bias": (outputs,),
    }
