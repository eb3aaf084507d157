"""Plans and checks the inputs of a run, before anything heavy is loaded."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from brgm_tf.core import units
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.traits import create_corruption
from brgm_tf.generators.loading import describe_generator
from brgm_tf.io import inputs
from brgm_tf.pipeline.config import Config


def prepare(
    images: Any, *, config: Config, masks: Any = None
) -> tuple[list[inputs.InputSpec], inputs.InputRequirements]:
    """Returns a specification of each input, and the requirements that they meet.

    Inputs that do not meet the requirements are returned as well, and fail when they are loaded.

    Args:
        images, masks: see `restore`.
        config: the configuration.

    Raises:
        InputError: no input can be used.
    """
    requirements = input_requirements(config)
    warn_of_unit_range(images)
    specs = inputs.plan(
        images,
        masks=masks,
        needs_masks="missing" in config.traits.data_names,
        kind=config.input_kind,
        kspace=config.measures_kspace,
        slicing=config.slicing,
    )
    problems = []
    for spec in specs:
        try:
            inputs.check(spec, expected=requirements)
        except InputError as error:
            problems.append(error)
    if len(problems) == len(specs):
        raise problems[0]
    return specs, requirements


def warn_of_unit_range(images: Any) -> None:
    """Warns if all values of an array lie in [0, 1], because black is -1 by convention.

    Args:
        images: see `restore`; only arrays of floats are looked at.

    Warns:
        UserWarning: the values lie in [0, 1]; they are used as they are.
    """
    if isinstance(images, list | tuple):
        for item in images:
            warn_of_unit_range(item)
        return
    if hasattr(images, "__array__"):
        units.warn_of_unit_range(np.asarray(images), argument="images", stacklevel=5)


def input_requirements(config: Config) -> inputs.InputRequirements:
    """Returns the size and the channels of the inputs of a configuration.

    Raises:
        InputError: the corruption cannot measure the generator's images, or there is no such
            generator.
    """
    row = describe_generator(config.generator)
    corruption = create_corruption(config.corruption)
    shape = (row.resolution, row.resolution, cast(int, row.channels))
    measured = corruption.measurement_shape(shape)
    is_clean = config.input_kind == "clean"
    return inputs.InputRequirements(
        size=row.resolution if is_clean else measured[0],
        resizable=is_clean or tuple(measured) == shape,
        resolution=row.resolution,
        mask_resolution=corruption.data_shape(shape)[0],
        channels=shape[-1] if is_clean else measured[-1],
        non_square=config.non_square,
        sampled=_sampled(corruption, shape) if config.measures_kspace else None,
        is_damaged=not is_clean,
    )


def _sampled(corruption, shape: tuple[int, int, int]) -> np.ndarray:
    """Returns the k-space values that a corruption samples of images of a shape, bool [H, W]."""
    y = np.zeros((1, *corruption.measurement_shape(shape)), "complex64")
    return np.asarray(corruption.of_images(shape).observation_mask(y))[0, :, :, 0] > 0
