"""Facts about a corruption that decide how it is restored, from its text or from its object.

TensorFlow is imported only with the object of a corruption, which needs TensorFlow itself.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing

if TYPE_CHECKING:
    from brgm_tf.corruptions.base import Corruption


@dataclasses.dataclass(frozen=True)
class CorruptionTraits:
    """Facts about a corruption.

    Attributes:
        data_names: names of the per-image arrays that it takes.
        infers_parameters: whether it has unknown parameters that change the features of an image.
        noise: the stage of noise as text; '' without noise.
        noise_scale: standard deviation of the noise in grey levels; None if it is not given.
        infers_noise: whether the scale of the noise is unknown.
        has_fixed_noise: whether the density of the noise takes no scale.
        hides_features: whether the noise changes the features of an image.
        straight_through_gradient: whether the gradient of a stage is a substitute.
        measures_kspace: whether the measurement is k-space.
        needs_volume: whether a stage acts along the slices of a volume.
        factor: pixels of the image for one pixel of the measurement, along an axis.
    """

    data_names: tuple[str, ...]
    infers_parameters: bool
    noise: str
    noise_scale: float | None
    infers_noise: bool
    has_fixed_noise: bool
    hides_features: bool
    straight_through_gradient: bool
    measures_kspace: bool
    needs_volume: bool
    factor: float


def traits_of(corruption: str | Corruption) -> CorruptionTraits:
    """Returns the facts about a corruption.

    Args:
        corruption: text for `corruptions.parsing.parse`, or the object.

    Raises:
        InputError: the text cannot be read, or the value is neither.

    Example:
        >>> traits = traits_of("downsample(factor=4) + noise(scale=5)")
        >>> traits.factor, traits.noise_scale
        (4, 5.0)
    """
    if not isinstance(corruption, str):
        return _of_object(_checked_object(corruption))
    stages = parsing.parse(corruption)
    return CorruptionTraits(
        data_names=stages.data_names,
        infers_parameters=stages.infers_features,
        noise="" if stages.noise is None else str(stages.noise),
        noise_scale=stages.noise_scale,
        infers_noise=stages.infers_noise,
        has_fixed_noise=stages.has_fixed_noise,
        hides_features=stages.hides_features,
        straight_through_gradient=stages.straight_through_gradient,
        measures_kspace=stages.measures_kspace,
        needs_volume=stages.needs_volume,
        factor=stages.factor,
    )


def create_corruption(corruption: str | Corruption) -> Corruption:
    """Returns the object of a corruption that is given as text or as the object.

    Raises:
        InputError: the text cannot be read, or the value is neither.
    """
    if not isinstance(corruption, str):
        return _checked_object(corruption)
    return parsing.parse(corruption).create()


def _checked_object(value: object) -> Corruption:
    # An import of the base class, and so of TensorFlow, is spared if the value cannot be one.
    if not hasattr(value, "measurement_shape") or isinstance(value, type):
        raise InputError(
            "corruption",
            "must be a Corruption, or text such as 'downsample(factor=4)'",
            corruption=value,
        )
    return cast("Corruption", value)


def _of_object(corruption: Corruption) -> CorruptionTraits:
    stages: Sequence[Corruption] = getattr(corruption, "stages", (corruption,))
    last = stages[-1]
    scale = last.stated_noise_scale if last.adds_noise else None
    is_strong = scale is None or scale > parsing.FEATURE_NOISE
    return CorruptionTraits(
        data_names=tuple(corruption.data_names),
        infers_parameters=any(s.params and not s.unknowns_keep_features for s in stages),
        noise=repr(last) if last.adds_noise else "",
        noise_scale=scale,
        infers_noise=last.adds_noise and bool(last.params),
        has_fixed_noise=last.adds_noise and last.has_fixed_noise,
        hides_features=last.adds_noise and (last.has_outliers or is_strong),
        straight_through_gradient=corruption.straight_through_gradient,
        measures_kspace=corruption.measures_kspace,
        needs_volume=corruption.needs_volume,
        factor=math.prod(getattr(s, "factor", 1) for s in stages if not s.needs_volume),
    )
