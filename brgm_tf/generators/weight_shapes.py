"""Shapes of StyleGAN2's weights, known before a network is built.

Weights are named by their layers: 'mapping/fc0/weight', 'mapping/embed/weight',
'synthesis/b4/const', 'synthesis/b8/conv0/bias', 'synthesis/b8/conv0/affine/weight',
'synthesis/b8/torgb/bias', 'synthesis/b8/skip/weight', 'w_avg'.
"""

from __future__ import annotations

import itertools

from brgm_tf.generators.stylegan2_config import StyleGAN2Config

Shapes = dict[str, tuple[int, ...]]


def weight_shapes(config: StyleGAN2Config) -> Shapes:
    """Returns the shape of every weight of a StyleGAN2, by name.

    Args:
        config: Options of the network.

    Example:
        >>> weight_shapes(StyleGAN2Config(4, w_dim=16, mapping_depth=1))["mapping/fc0/weight"]
        (512, 16)
    """
    w_dim, widths = config.w_dim, config.widths
    shapes: Shapes = {f"mapping/{name}": shape for name, shape in _mapping_shapes(config).items()}
    shapes["synthesis/b4/const"] = (4, 4, widths[4])
    for resolution, width in widths.items():
        block = f"synthesis/b{resolution}"
        before = widths.get(resolution // 2)
        for name, inputs in (("conv0", before), ("conv1", width)):
            if inputs:
                shapes |= _conv_shapes(f"{block}/{name}", inputs, width, resolution, config=config)
        if config.architecture == "skip" or resolution == config.resolution:
            shapes |= _modulated_shapes(
                f"{block}/torgb", width, config.channels, w_dim=w_dim, kernel=1
            )
        if config.architecture == "resnet" and before:
            shapes[f"{block}/skip/weight"] = (1, 1, before, width)
    return shapes | {"w_avg": (w_dim,)}


def _mapping_shapes(config: StyleGAN2Config) -> Shapes:
    shapes: Shapes = {}
    if config.c_dim:
        shapes["embed/weight"] = (config.c_dim, config.embedded_features)
        if config.normalization == "separate":
            shapes["embed/bias"] = (config.embedded_features,)
    for i, (inputs, outputs) in enumerate(itertools.pairwise(config.mapping_sizes)):
        shapes[f"fc{i}/weight"] = (inputs, outputs)
        shapes[f"fc{i}/bias"] = (outputs,)
    return shapes


def _conv_shapes(
    path: str, inputs: int, outputs: int, resolution: int, *, config: StyleGAN2Config
) -> Shapes:
    shapes = _modulated_shapes(path, inputs, outputs, w_dim=config.w_dim, kernel=config.kernel_size)
    if config.use_noise:
        shapes[f"{path}/noise_const"] = (resolution, resolution)
        shapes[f"{path}/noise_strength"] = ()
    return shapes


def _modulated_shapes(path: str, inputs: int, outputs: int, *, w_dim: int, kernel: int) -> Shapes:
    return {
        f"{path}/affine/weight": (w_dim, inputs),
        f"{path}/affine/bias": (inputs,),
        f"{path}/weight": (kernel, kernel, inputs, outputs),
        f"{path}/bias": (outputs,),
    }
