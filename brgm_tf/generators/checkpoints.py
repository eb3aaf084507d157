"""Readers of third-party StyleGAN2 checkpoints."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from brgm_tf.core.errors import InputError
from brgm_tf.generators.stylegan2_config import StyleGAN2Config
from brgm_tf.generators.weight_shapes import weight_shapes
from brgm_tf.weights.formats import identify

if TYPE_CHECKING:
    from brgm_tf.generators.stylegan2 import StyleGAN2


def read_stylegan2(
    path: str | os.PathLike, *, argument: str = "generator", network: str = "G_ema"
) -> StyleGAN2:
    """Reads a StyleGAN2 generator; the contents of the file tell its format.

    Formats: pickles of NVIDIA's stylegan2 (configs e and f) and stylegan2-ada, of
    stylegan2-ada-pytorch and of stylegan3's StyleGAN2 configurations, and checkpoints of
    rosinality's stylegan2-pytorch. Code in the file is never run. All weights become
    float32, including those trained in half precision. If the file lacks the mean of w,
    `w_avg` is the mean of 10,000 mapped draws.

    Args:
        path: Path of the file.
        argument: Name of the user's argument (or flag), for errors.
        network: 'G_ema', the moving average over training (Gs in TensorFlow), or 'G'.

    Raises:
        InputError: The file is damaged, has another format or an unknown option; or tensors
            are missing, left over or of a wrong shape. No network is built then.
    """
    checkpoint = identify.read(path, argument=argument, network=network)
    options: dict[str, Any] = dict(checkpoint.config)
    try:
        shapes = weight_shapes(StyleGAN2Config(**options))
    except InputError as error:
        raise InputError(argument, f"must be a network that can be built here: {error}") from None
    weights = checkpoint.weights(shapes, argument=argument)
    # TensorFlow is imported late, so that an unusable file is refused at once.
    from brgm_tf.generators.stylegan2 import StyleGAN2

    generator = StyleGAN2(**options)
    for weight in generator.weights:
        name = weight.path.removeprefix(f"{generator.name}/")
        if name in weights:
            weight.assign(weights[name])
    if "w_avg" not in weights:
        generator.w_avg.assign(generator.latent_statistics().mean)
    return generator
