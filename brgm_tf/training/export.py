"""Export of a training as a preset, and start of a training from an export."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.generators import preset
from brgm_tf.training import state as states
from brgm_tf.training.config import TrainingConfig
from brgm_tf.training.step import build_generator

DISCRIMINATOR = "discriminator.weights.h5"
# Numbers of the state that config.json keeps beside the weights.
_NUMBERS = ("path/mean", "ada/strength")


def export(
    folder: str | os.PathLike,
    state: dict,
    config: TrainingConfig,
    *,
    storage: str = "float32",
    about: dict | None = None,
) -> Path:
    """Writes the averaged generator of a state as a preset, and the discriminator.

    Args:
        folder: Folder of config.json, model.weights.h5 and discriminator.weights.h5.
        state: State from `state.load` or from the trainer.
        config: Configuration of the training.
        storage: Dtype of the weights, 'float32' or 'float16'; default 'float32'.
        about: Other facts for config.json, or None.
    """
    generator = build_generator(config)
    states.assign(generator, states.part(state, "ema"))
    numbers = {name: float(state[name]) for name in _NUMBERS}
    identity = config.discriminator_identity
    about = {**(about or {}), "training": numbers, "discriminator": identity}
    path = preset.save_preset(generator, folder, storage=storage, about=about)
    weights = states.to_arrays(states.part(state, "discriminator"))
    preset.write_arrays(path / DISCRIMINATOR, weights, storage=storage)
    return path


def start_from(
    folder: str | os.PathLike, state: dict[str, np.ndarray], config: TrainingConfig
) -> tuple[dict[str, np.ndarray], int]:
    """Returns the first state of a training that continues exported networks.

    Both generators start as the averaged one. Weights with an equal name and shape are
    copied, so a network of a higher resolution starts with the blocks of a lower one.
    The optimizers start anew. Only the generator is copied if the folder has another
    discriminator or no discriminator.weights.h5.

    Args:
        folder: Folder from `export`.
        state: State from `state.initial`.
        config: Configuration of the training.

    Returns:
        The state, and the number of copied weights.

    Raises:
        InputError: The folder is not a preset, or a file is damaged.
    """
    folder, argument = Path(folder), "start_from"
    about = preset.read_config(folder, argument=argument).get("about", {})
    weights = preset.read_arrays(folder / preset.WEIGHTS, argument=argument)
    arrays = states.with_prefix("generator", weights) | states.with_prefix("ema", weights)
    identity = about.get("discriminator", {"name": "stylegan2"})
    continues = identity == config.discriminator_identity
    if continues and (folder / DISCRIMINATOR).exists():
        weights = preset.read_arrays(folder / DISCRIMINATOR, argument=argument)
        arrays |= states.with_prefix("discriminator", weights)
    copied = {
        name: array.astype(state[name].dtype)
        for name, array in arrays.items()
        if name in state and array.shape == state[name].shape
    }
    if not copied:
        raise InputError(argument, "must have weights of these networks", start_from=str(folder))
    numbers = {name: np.float32(value) for name, value in about.get("training", {}).items()}
    if not (continues and config.ada):
        numbers.pop("ada/strength", None)
    return {**state, **copied, **numbers}, len(copied)
