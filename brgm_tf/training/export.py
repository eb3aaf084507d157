"""What a training leaves behind: a preset, and what another training can start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.generators import preset
from brgm_tf.training import state as states
from brgm_tf.training.config import Config
from brgm_tf.training.step import build

DISCRIMINATOR = "discriminator.weights.h5"
# Numbers of the state that go into config.json, as the weights alone would lose them.
_NUMBERS = ("path/mean", "ada/strength")


def export(folder, state, config: Config, *, storage: str = "float32", about=None) -> Path:
    """Writes the averaged generator of a state as a preset, and the discriminator beside it.

    Args:
        folder: where config.json, model.weights.h5 and discriminator.weights.h5 go.
        state: of `state.load`, or the trainer's.
        config: of the training.
        storage: 'float32' or 'float16'.
        about: more to be known of the training, for JSON.
    """
    generator = build(config).generator
    states.assign(generator, states.part(state, "ema"))
    numbers = {name: float(state[name]) for name in _NUMBERS}
    about = {**(about or {}), "training": numbers}
    folder = preset.save_preset(generator, folder, storage=storage, about=about)
    weights = states.to_arrays(states.part(state, "discriminator"))
    preset.write_arrays(folder / DISCRIMINATOR, weights, storage=storage)
    return folder


def start_from(folder, state: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], int]:
    """The first state of a training that goes on with the networks of another one.

    Both generators start as the averaged one. Weights of the same name and shape are
    taken, the others stay: a network of a higher resolution takes over the blocks of a lower
    one. The optimisers start anew.

    Args:
        folder: of `export`; without discriminator.weights.h5 the generator alone is taken.
        state: of `state.initial`.

    Returns:
        The state, and how many weights were taken.

    Raises:
        InputError: the folder holds no preset, or a file there is damaged.
    """
    folder, argument = Path(folder), "start_from"
    about = preset.read_config(folder, argument=argument).get("about", {})
    given = preset.read_arrays(folder / preset.WEIGHTS, argument=argument)
    found = states.with_prefix("generator", given) | states.with_prefix("ema", given)
    if (folder / DISCRIMINATOR).exists():
        given = preset.read_arrays(folder / DISCRIMINATOR, argument=argument)
        found |= states.with_prefix("discriminator", given)
    taken = {
        name: array.astype(state[name].dtype)
        for name, array in found.items()
        if name in state and array.shape == state[name].shape
    }
    if not taken:
        raise InputError(argument, "must have weights of these networks", start_from=str(folder))
    numbers = {name: np.float32(value) for name, value in about.get("training", {}).items()}
    return {**state, **taken, **numbers}, len(taken)
