"""Trainings from files: images to a trainer, and the newest snapshot to a preset."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.training import data
from brgm_tf.training.config import TrainingConfig

if TYPE_CHECKING:
    from brgm_tf.training.trainer import Plan, Trainer


def load_images(
    config: TrainingConfig,
    source: str | os.PathLike | None,
    held_out: str | os.PathLike | None,
    *,
    notify: Callable[[str], object],
) -> tuple[np.ndarray, np.ndarray | None]:
    """Loads the training images and the held-out images, without Keras.

    Args:
        config: Configuration of the training.
        source: Folder or zip file of the training images.
        held_out: Folder or zip file of the held-out images, or None. Training images that are
            equal to held-out images are left out.
        notify: Function that receives lines of text about the progress.

    Raises:
        InputError: A path is missing or holds no usable images.
    """
    if source is None:
        raise InputError("data", "must be given", remedy="Give a folder or zip file of images")
    data.find(source, argument="data")
    if held_out is not None:
        data.find(held_out, argument="held_out")
    size = {"resolution": config.resolution, "channels": config.channels}
    images = data.load(source, **size, argument="data")
    if held_out is None:
        return images, None
    others = data.load(held_out, **size, argument="held_out")
    count, images = len(images), data.without(images, others)
    notify(f"{count} images, {count - len(images)} left out because they are held out")
    return images, others


def prepare(
    config: TrainingConfig,
    plan: Plan,
    *,
    images: np.ndarray,
    held_out: np.ndarray | None,
    folder: Path,
    start: str | None,
    notify: Callable[[str], object],
) -> Trainer:
    """Returns the trainer of a folder, with the Fréchet distance from held-out images.

    Args:
        config: Configuration of the training.
        plan: Length and reports of the training.
        images: Training images, uint8 [N, H, W, C].
        held_out: Held-out images, uint8 [M, H, W, C], or None.
        folder: Folder of the training.
        start: Folder of an export whose networks a new training starts from, or None.
        notify: Function that receives lines of text about the progress.

    Raises:
        InputError: The folder holds another training, or VGG16 is missing.
    """
    from brgm_tf.training.trainer import Trainer

    distance = None
    if held_out is not None and plan.frechet_kimg:
        distance = _distance(images, held_out, notify)
    return Trainer(
        config,
        plan,
        images=images,
        folder=folder,
        distance=distance,
        start=start,
        features=_features(config, notify) if config.discriminator == "projected" else None,
        notify=notify,
    )


def export_newest(folder: Path, target: str | os.PathLike, *, storage: str) -> Path:
    """Writes the averaged generator of the newest snapshot as a preset.

    Args:
        folder: Folder of the training.
        target: Folder of the preset.
        storage: Dtype of the weights, 'float32' or 'float16'.

    Raises:
        InputError: The folder has no usable snapshot.
    """
    from brgm_tf.training import state as states
    from brgm_tf.training.export import export

    snapshots = states.snapshots(folder)
    if not snapshots:
        raise InputError("output_dir", "must hold a snapshot", output_dir=str(folder))
    try:
        arrays, about = states.load(snapshots[-1])
    except ValueError as error:
        raise InputError("output_dir", f"must hold a complete snapshot, but {error}") from None
    options: dict[str, Any] = dict(about["config"])
    config = TrainingConfig(**{**options, "augmentations": tuple(options["augmentations"])})
    facts = {"kimg": config.kimg(int(arrays["step"])), "data": about["data"]}
    return export(target, arrays, config, storage=storage, about=facts)


def _features(config, notify):
    from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS, read_perceptual
    from brgm_tf.training.vgg_features import VGG16Features

    try:
        network = read_perceptual(PERCEPTUAL_WEIGHTS, progress=notify)
    except InputError as error:
        raise InputError(
            "discriminator",
            f"needs VGG16: {error}",
            remedy="--discriminator=stylegan2 trains without it",
        ) from None
    dtype = "float32" if config.dtype == "float32" else "bfloat16"
    return VGG16Features(network.arrays, size=config.feature_size, dtype=dtype)


def _distance(images, held_out, notify):
    from brgm_tf.perceptual.loading import load_perceptual
    from brgm_tf.training.frechet import Distance

    try:
        perceptual = load_perceptual(progress=notify)
    except InputError as error:
        raise InputError(
            "held_out", f"needs VGG16: {error}", remedy="--frechet_kimg=0 trains without it"
        ) from None
    distance = Distance(held_out, features=perceptual.features)
    notify(f"Fréchet distance of real images: {distance.floor(images):.3f} thousandths (VGG16)")
    return distance
