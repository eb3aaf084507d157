"""True images: drawn from the prior of the model, drawn by the generator, or real."""

from __future__ import annotations

import numpy as np

from brgm_tf.io import inputs
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.pipeline.restorer import Restorer

SIMULATED = ("prior", "mapped")


def real(images: str, *, generator) -> np.ndarray:
    """Loads images [N, H, W, C] of a file, folder or glob, at the generator's size."""
    clean = Config(generator=generator, input_kind="clean")
    plan = prepare(images, config=clean)
    loaded = [inputs.load(spec, expected=plan.requirements) for spec in plan.specs]
    return np.stack([item.image for item in loaded])


def simulated(kind: str, restorer: Restorer, indices) -> np.ndarray:
    """Draws images [B, H, W, C], each from one seed, without clipping.

    Args:
        kind: 'prior' draws latents from the prior; 'mapped' maps a normal z.
        restorer: Restorer with the generator and the prior.
        indices: Numbers of the images, which seed their latents.
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
