"""Plans and checks the inputs of a run, before anything heavy is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from brgm_tf.core import units
from brgm_tf.core.errors import CombinedInputError, InputError, one_line
from brgm_tf.corruptions.traits import create_corruption
from brgm_tf.generators.classes import class_index
from brgm_tf.generators.loading import describe_generator
from brgm_tf.io import inputs
from brgm_tf.io.listing import Listing, left_out_notes
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.photographs import FaceFinder, PhotographPlan, arranged, for_boxes
from brgm_tf.reporting.failures import Failure
from brgm_tf.weights.catalogue import GeneratorRow


@dataclasses.dataclass(frozen=True)
class Preparation:
    """Planned and checked inputs.

    Attributes:
        specs: a specification of each input, in order.
        requirements: the requirements of the inputs.
        failures: the inputs that cannot be used; they are in `specs` as well, so that the
            composition of batches does not depend on them.
        photographs: the photographs whose faces are the inputs.
    """

    specs: list[inputs.InputSpec]
    requirements: inputs.InputRequirements
    failures: tuple[Failure, ...] = ()
    photographs: tuple[PhotographPlan, ...] = ()

    @property
    def unusable(self) -> frozenset[str]:
        """Names of the inputs that cannot be used."""
        return frozenset(failure.name for failure in self.failures)


def prepare(
    images: Any,
    *,
    config: Config,
    masks: Any = None,
    output_dir: Any = None,
    notify: Callable[[str], object] | None = None,
) -> Preparation:
    """Plans and checks all inputs, before anything heavy is loaded.

    Args:
        images, masks: see `restore`.
        config: the configuration.
        output_dir: folder of the results, which are never inputs; None for no folder.
        notify: called with a line of text for each folder from which files are left out.

    Raises:
        InputError: no input can be used; `CombinedInputError` has the error of each.
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
        output_dir=output_dir,
    )
    if notify is not None:
        listing = Listing(config.measures_kspace, config.slicing, output_dir)
        for note in left_out_notes(images, listing):
            notify(note)
    specs, photographs, errors = _faces_of(specs, config)
    for spec in specs:
        try:
            if spec.name not in errors:
                inputs.check(spec, expected=requirements)
        # A damaged file can raise any error, and must not hide the other inputs.
        except Exception as error:
            errors[spec.name] = error
    if len(errors) == len(specs):
        raise _all_of(list(errors.values()))
    failures = tuple(
        Failure.of(errors[spec.name], name=spec.name, stage="planning", path=spec.path)
        for spec in specs
        if spec.name in errors
    )
    return Preparation(specs, requirements, failures, photographs)


def _faces_of(
    specs: list[inputs.InputSpec], config: Config
) -> tuple[list[inputs.InputSpec], tuple[PhotographPlan, ...], dict[str, Exception]]:
    """Returns the faces of photographs, the photographs, and the errors of photographs by name."""
    errors: dict[str, Exception] = {}
    if config.align == "none":
        return specs, (), errors
    finder = FaceFinder(faces=config.faces, landmarks=config.landmarks)
    photographs, faces = [], []
    for spec in specs:
        try:
            photograph = finder.plan(spec)
        except Exception as error:
            errors[spec.name] = error
            faces.append(spec)
            continue
        photographs.append(photograph)
        faces += photograph.faces
    return arranged(faces, config.batch_size), tuple(photographs), errors


def _all_of(errors: Sequence[Exception]) -> InputError:
    """Returns one error for all inputs; equal errors, such as of one mask, are one line."""
    converted = [
        error
        if isinstance(error, InputError)
        else InputError("input", f"must be readable ({one_line(error)})")
        for error in errors
    ]
    different = list({str(error): error for error in converted}.values())
    return different[0] if len(different) == 1 else CombinedInputError(different)


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


def check_class(config: Config, row: GeneratorRow) -> None:
    """Checks that the class of a configuration is one of its generator.

    Args:
        config: the configuration.
        row: the description of its generator.

    Raises:
        InputError: see `generators.classes.class_index`.
    """
    class_index(config.class_label, num_classes=row.num_classes, names=row.class_names)


def input_requirements(config: Config) -> inputs.InputRequirements:
    """Returns the size and the channels of the inputs of a configuration.

    Raises:
        InputError: the corruption cannot measure the generator's images, or there is no such
            generator.
    """
    row = describe_generator(config.generator)
    check_class(config, row)
    corruption = create_corruption(config.corruption)
    if config.align == "faces":
        corruption = for_boxes(corruption)
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
