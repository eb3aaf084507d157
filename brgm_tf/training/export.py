"""The averaged generator of a training as a preset."""

from __future__ import annotations

from pathlib import Path

from brgm_tf.generators.preset import save_preset
from brgm_tf.training import state as states
from brgm_tf.training.config import Config
from brgm_tf.training.step import build


def export(folder, state, config: Config, *, storage: str = "float32", about=None) -> Path:
    """Writes the averaged generator of a state as a preset.

    Args:
        folder: where config.json and model.weights.h5 go.
        state: of `state.load`, or the trainer's.
        config: of the training.
        storage: 'float32' or 'float16'.
        about: more to be known of the training, for JSON.
    """
    generator = build(config).generator
    states.assign(generator, states.part(state, "ema"))
    return save_preset(generator, folder, storage=storage, about=about)
