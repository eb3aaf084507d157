"""Other people's StyleGAN2 checkpoints -> our generator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from brgm_tf.core.errors import InputError
from brgm_tf.generators.weight_shapes import weight_shapes
from brgm_tf.weights.formats import identify

if TYPE_CHECKING:
    from brgm_tf.generators.stylegan2 import StyleGAN2


def read_stylegan2(
    path: str | os.PathLike, *, argument: str = "generator", network: str = "G_ema"
) -> StyleGAN2:
    """Reads a StyleGAN2 generator; the format is found from what is in the file.

    Formats: pickles of NVIDIA's stylegan2 (configs e and f) and stylegan2-ada, of
    stylegan2-ada-pytorch and of stylegan3's StyleGAN2 configurations, and checkpoints of
    rosinality's stylegan2-pytorch. Nothing in the file is run. All numbers become
    float32, also those of networks that were trained in half precision. Where the file
    has no mean of w, `w_avg` is the mean of 10,000 mapped draws.

    Args:
        path: of the file.
        argument: name of the argument (or flag) that it was given by.
        network: 'G_ema', the moving average over training (Gs in TensorFlow), or 'G'.

    Raises:
        InputError: the file is damaged or something else; an option is not known here; or
            tensors are missing, left over or of a wrong shape. No network is built then.
    """
    checkpoint = identify.read(path, argument=argument, network=network)
    try:
        shapes = weight_shapes(checkpoint.config)
    except InputError as error:
        raise InputError(argument, f"must be a network that can be built here: {error}") from None
    weights = checkpoint.weights(shapes, argument=argument)
    # TensorFlow is imported for files that can be used only.
    from brgm_tf.generators.stylegan2 import StyleGAN2

    generator = StyleGAN2(**checkpoint.config)
    for weight in generator.weights:
        name = weight.path.removeprefix(f"{generator.name}/")
        if name in weights:
            weight.assign(weights[name])
    if "w_avg" not in weights:
        generator.w_avg.assign(generator.latent_statistics().mean)
    return generator
