"""Composition of stages, one after another.

Notation: f_1, ..., f_n the stages, A_k the linear part of f_k.

    forward(x) = f_n(... f_1(x)),   A = A_n ... A_1
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.corruptions.complex_values import real_dtype
from brgm_tf.corruptions.configuration import check_names
from brgm_tf.corruptions.measurement import Measurement


class Composition(Measurement):
    """The contract of a corruption, fulfilled by a sequence of `stages`.

    The last stage states the noise. Flags hold for the whole sequence.
    """

    stages: tuple[Any, ...]

    # Configuration.

    @property
    def params(self) -> dict[str, ParameterPrior]:
        """The priors of all stages."""
        return functools.reduce(operator.or_, (stage.params for stage in self.stages))

    def with_params(self, **values: Any):
        """Returns the same chain with the values bound to their stages."""
        check_names("with_params", tuple(self.params), values)
        return self._rebuilt(
            [s.with_params(**{n: values[n] for n in s.params}) for s in self.stages]
        )

    @property
    def data_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the per-image arrays of all stages."""
        return tuple(name for stage in self.stages for name in stage.data_names)

    @property
    def data(self) -> dict[str, Any]:
        """The per-image arrays of all stages."""
        return functools.reduce(operator.or_, (stage.data for stage in self.stages))

    def with_data(self, **data: Any):
        """Returns the same chain with the arrays bound to their stages."""
        check_names("with_data", self.data_names, data)
        return self._rebuilt(
            [s.with_data(**{n: data[n] for n in s.data_names}) for s in self.stages]
        )

    def get_config(self) -> dict[str, Any]:
        """Returns {'stages': ((class, items of its configuration), ...)}."""
        return {"stages": tuple((type(s), tuple(s.get_config().items())) for s in self.stages)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]):
        """Returns the chain of a configuration that `get_config` returned."""
        return cls([kind.from_config(dict(own)) for kind, own in config["stages"]])  # type: ignore[call-arg]

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.stages))

    def _rebuilt(self, stages):
        return type(self)(stages)  # type: ignore[call-arg]

    # Operator.

    @property
    def linear(self) -> bool:  # type: ignore[override]
        """Whether all stages are linear."""
        return all(stage.linear for stage in self.stages)

    @property
    def straight_through_gradient(self) -> bool:  # type: ignore[override]
        """Whether the gradient of a stage is a substitute."""
        return any(stage.straight_through_gradient for stage in self.stages)

    @property
    def needs_volume(self) -> bool:  # type: ignore[override]
        """Whether a stage acts along the slices of a volume."""
        return any(stage.needs_volume for stage in self.stages)

    @property
    def measures_kspace(self) -> bool:  # type: ignore[override]
        """Whether the last stage before the noise measures complex values."""
        return self._measuring[0].measures_kspace

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f_n(... f_1(x))."""
        for stage in self.stages:
            x = stage.forward(x)
        return x

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A_1^T ... A_n^T y, with A_k^H for a stage that measures complex values."""
        for stage in reversed(self.stages):
            y = stage.adjoint(y)
        return y

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape after all stages."""
        for stage in self.stages:
            image_shape = stage.measurement_shape(image_shape)
        return tuple(image_shape)

    def data_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the images that reach the stage with masks, or the last shape."""
        for stage in self.stages:
            if "missing" in stage.data_names:
                break
            image_shape = stage.measurement_shape(image_shape)
        return tuple(image_shape)

    def num_data_slices(self, num_slices: int) -> int:
        """Returns the number of slices that reach the stage with masks, or the last number."""
        for stage in self.stages:
            if "missing" in stage.data_names:
                break
            num_slices = stage.num_measured_slices(num_slices)
        return num_slices

    def of_images(self, image_shape: tuple[int, ...]):
        """Returns the chain of the stages for the shapes that reach them."""
        stages = []
        for stage in self.stages:
            stages.append(stage.of_images(image_shape))
            image_shape = stage.measurement_shape(image_shape)
        return self._rebuilt(stages)

    def of_volume(self, volume_shape: tuple[int, ...], *, indices: Sequence[int] | None = None):
        """Returns the chain of the stages for the volumes that reach them."""
        stages, indices = [], list(range(volume_shape[0]) if indices is None else indices)
        for stage in self.stages:
            stages.append(stage.of_volume(volume_shape, indices=indices))
            indices = stage.measured_indices(indices)
            count, *image_shape = volume_shape
            volume_shape = (
                stage.num_measured_slices(count),
                *stage.measurement_shape(tuple(image_shape)),
            )
        return self._rebuilt(stages)

    def measured_indices(self, indices: Sequence[int]) -> list[int]:
        """Returns the indices of the slices after all stages."""
        for stage in self.stages:
            indices = stage.measured_indices(indices)
        return list(indices)

    def num_measured_slices(self, num_slices: int) -> int:
        """Returns the number of slices after all stages."""
        for stage in self.stages:
            num_slices = stage.num_measured_slices(num_slices)
        return num_slices

    def as_image(self, y: tf.Tensor) -> tf.Tensor:
        """Returns the image of the last stage before the noise."""
        return self._measuring[0].as_image(y)

    # Observation.

    @property
    def keeps_pixels(self) -> bool:  # type: ignore[override]
        """Whether all stages keep pixels."""
        return all(stage.keeps_pixels for stage in self.stages)

    @property
    def hides_pixels(self) -> bool:  # type: ignore[override]
        """Whether a stage hides pixels."""
        return any(stage.hides_pixels for stage in self.stages)

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor | None:
        """Returns the mask after all stages."""
        for stage in self.stages:
            known = stage.propagate_mask(known)
        return known

    def observation_mask(self, y: tf.Tensor) -> tf.Tensor:
        """Returns 1 for values that depend on no missing pixel and that their stage observes."""
        known, _ = self._propagate(y)
        masks = [stage.observation_mask(y) for stage in self._measuring]
        masks += [] if known is None else [tf.cast(known, real_dtype(y))]
        return functools.reduce(operator.mul, masks)

    def fill_unobserved(self, y: tf.Tensor) -> tf.Tensor:
        """Returns y with unobserved values replaced by the measurement of a masked mid-grey."""
        for stage in self._measuring:
            y = stage.fill_unobserved(y)
        known, blank = self._propagate(y)
        return y if known is None else tf.where(known, y, blank)

    def _propagate(self, y: tf.Tensor) -> tuple[tf.Tensor | None, tf.Tensor | None]:
        """Returns the observed values of y, and mid-grey measured by the stages from a mask on.

        The first is bool [B or 1, h, w, C], or None if all values are observed. The second
        broadcasts against y.
        """
        known = blank = None
        for stage in self.stages:
            if known is not None:
                blank = stage.fill_unobserved(stage.forward(blank))
            known = stage.propagate_mask(known)
            if known is None:
                continue
            known = known & tf.ones(y.shape[-1:], tf.bool)
            if blank is None:
                blank = stage.fill_unobserved(tf.zeros(tf.shape(known), y.dtype))
        return known, blank

    # Noise: the last stage states it.

    @property
    def adds_noise(self) -> bool:  # type: ignore[override]
        """Whether the last stage adds noise."""
        return self.stages[-1].adds_noise

    @property
    def has_fixed_noise(self) -> bool:  # type: ignore[override]
        """Whether the last stage has fixed noise."""
        return self.stages[-1].has_fixed_noise

    @property
    def has_outliers(self) -> bool:  # type: ignore[override]
        """Whether the last stage has outliers."""
        return self.stages[-1].has_outliers

    @property
    def stated_noise_scale(self) -> float | None:
        """Noise scale of the last stage in grey levels; None if it is not stated."""
        return self.stages[-1].stated_noise_scale

    def sample(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Draws y given x and fills the unobserved values, which hold noise under a mask."""
        for stage in self.stages:
            # A stage may leave fewer slices of a volume than there were.
            x = stage.sample(x, seeds[: tf.shape(x)[0]])
        return self.fill_unobserved(x)

    def log_density(self, y: tf.Tensor, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns the log density of the last stage."""
        return self.stages[-1].log_density(y, mean, params)

    def variance(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns the variance of the last stage."""
        return self.stages[-1].variance(mean, params)

    def precision(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns the precision of the last stage."""
        return self.stages[-1].precision(mean, params)

    def distribution(self, mean: tf.Tensor, params: Mapping[str, Any]) -> Any:
        """Returns the distribution of the last stage."""
        return self.stages[-1].distribution(mean, params)

    @property
    def _measuring(self) -> tuple[Any, ...]:
        """The stages whose outputs are y: the last one, and the stage before its noise."""
        return self.stages[-2:] if self.adds_noise else self.stages[-1:]
