"""The images that are inferred: of the model's own prior, of the generator, or real ones."""

from __future__ import annotations

import numpy as np

from brgm_tf.io import inputs
from brgm_tf.pipeline.api import prepare
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.restorer import Restorer

SIMULATED = ("prior", "mapped")


def real(images: str, *, generator) -> np.ndarray:
    """Images [N, H, W, C] of a file, folder or glob, at the generator's size."""
    clean = Config(generator=generator, input_kind="clean")
    specs, expected = prepare(images, config=clean)
    return np.stack([inputs.load(spec, expected=expected).image for spec in specs])


def simulated(kind: str, restorer: Restorer, indices) -> np.ndarray:
    """Images [B, H, W, C] of seeds of their own, as the generator makes them: not clipped.

    Args:
        kind: 'prior', of latents of the prior; 'mapped', of the mapping of a normal z.
        restorer: with the generator and the prior.
        indices: the images' numbers, which their latents depend on.
    """
    import tensorflow as tf

    generator, prior = restorer.generator, restorer.posterior.prior
    rngs = [np.random.default_rng([restorer.config.seed, index]) for index in indices]
    if kind == "prior":
        shape = prior.event_shape
        v = np.stack([rng.standard_normal(shape, "float32") for rng in rngs])
        ws = prior.latents(tf.constant(v))
    else:
        z = np.stack([rng.standard_normal(generator.z_dim, "float32") for rng in rngs])
        ws = tf.repeat(generator.mapping(z)[:, None], generator.num_ws, axis=1)
    return np.asarray(generator.synthesis(ws))
