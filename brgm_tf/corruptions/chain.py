"""Several corruptions, one after another.

Notation: f_1, ..., f_n the stages, A_k the linear part of f_k.

    forward(x) = f_n(... f_1(x)),   A = A_n ... A_1
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
from collections.abc import Mapping, Sequence

import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.chain_rules import Outline, check_order
from brgm_tf.corruptions.complex_values import real_dtype
from brgm_tf.corruptions.masking.mask import MissingPixels


@dataclasses.dataclass(frozen=True, eq=False)  # a mask's tensors compare by element
class Chain(Corruption):
    """Stages, of which each damages what the one before left.

    A stage of noise is the last one, and says how y scatters around the mean; without one, y
    is normal around it, as of any corruption.

    What is known is carried from stage to stage: a value of y is observed where it depends on
    no missing pixel (`propagate_mask`). A mask before a blur or a downsampling thus takes away
    every value that a missing pixel has a share in. Stages after a mask must keep the
    channels. Known pixels are put back only where every stage leaves them as they are: noise
    does not.

    Args:
        stages: f_1, ..., f_n; the stages of a chain among them are taken one by one.

    Raises:
        InputError: there is none, one is no `Corruption`, noise is not the last one, two take
            the same per-image data or have unknowns of one name, or one is not for what those
            before it leave: complex numbers, or missing pixels.
    """

    stages: Sequence[Corruption]

    def __post_init__(self):
        given = self.stages if isinstance(self.stages, Sequence) else [self.stages]
        for stage in given:
            if not isinstance(stage, Corruption):
                raise InputError("stages", "must be corruptions", stage=stage)
        flat = [s for stage in given for s in (stage.stages if _is_chain(stage) else [stage])]
        check_order(
            [Outline(type(s).__name__, s.adds_noise, s.data_names, tuple(s.params)) for s in flat],
            argument="stages",
        )
        _check_numbers(flat)
        _check_pixels(flat)
        object.__setattr__(self, "stages", tuple(flat))

    @property
    def linear(self) -> bool:
        """Whether all stages are."""
        return all(stage.linear for stage in self.stages)

    @property
    def straight_through_gradient(self) -> bool:
        """Whether that of a stage is."""
        return any(stage.straight_through_gradient for stage in self.stages)

    @property
    def keeps_pixels(self) -> bool:
        """Whether all stages do."""
        return all(stage.keeps_pixels for stage in self.stages)

    @property
    def adds_noise(self) -> bool:
        """Whether the last stage does."""
        return self.stages[-1].adds_noise

    @property
    def params(self) -> dict[str, ParameterPrior]:
        """Those of all stages."""
        return functools.reduce(operator.or_, (stage.params for stage in self.stages))

    def with_params(self, **values) -> Chain:
        """The same chain, each of whose stages has its own values bound.

        Raises:
            TypeError: other names than those of `params`.
        """
        if set(values) != set(self.params):
            raise TypeError(f"with_params takes {tuple(self.params)}, got {tuple(values)}.")
        return Chain([s.with_params(**{n: values[n] for n in s.params}) for s in self.stages])

    @property
    def data_names(self) -> tuple[str, ...]:
        """Those of all stages."""
        return tuple(name for stage in self.stages for name in stage.data_names)

    @property
    def data(self) -> dict[str, object]:
        """That of all stages."""
        return functools.reduce(operator.or_, (stage.data for stage in self.stages))

    @property
    def measurement_dtype(self):
        """That of the last stage; noise leaves it as it is."""
        return self._measuring[0].measurement_dtype

    def forward(self, x):
        """f_n(... f_1(x))."""
        for stage in self.stages:
            x = stage.forward(x)
        return x

    def adjoint(self, y):
        """A_1^T ... A_n^T y; A_k^H of a stage that measures complex numbers.

        Raises:
            TypeError: a stage is not linear.
        """
        for stage in reversed(self.stages):
            y = stage.adjoint(y)
        return y

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """That after all stages.

        Raises:
            InputError: a stage cannot measure what the ones before leave.
        """
        for stage in self.stages:
            image_shape = stage.measurement_shape(image_shape)
        return tuple(image_shape)

    def of_images(self, image_shape: tuple[int, ...]) -> Chain:
        """The chain of stages each for the images that reach it."""
        stages = []
        for stage in self.stages:
            stages.append(stage.of_images(image_shape))
            image_shape = stage.measurement_shape(image_shape)
        return Chain(stages)

    def as_image(self, y):
        """That of the last stage, which its noise does not change."""
        return self._measuring[0].as_image(y)

    def propagate_mask(self, known):
        """What all stages leave known."""
        for stage in self.stages:
            known = stage.propagate_mask(known)
        return known

    def observation_mask(self, y):
        """1 where a value of y depends on no missing pixel and its own stage observes it."""
        known, _ = self._carried(y)
        parts = [stage.observation_mask(y) for stage in self._measuring]
        parts += [] if known is None else [tf.cast(known, real_dtype(y))]
        return functools.reduce(operator.mul, parts)

    def fill_unobserved(self, y):
        """y where it is observed; elsewhere what mid-grey, masked, becomes."""
        for stage in self._measuring:
            y = stage.fill_unobserved(y)
        known, blank = self._carried(y)
        return y if known is None else tf.where(known, y, blank)

    def composite(self, y, x):
        """y where it is known, x elsewhere; None unless every stage keeps pixels."""
        if not self.keeps_pixels:
            return None
        known, _ = self._carried(y)
        return None if known is None else tf.where(known, y, x)

    def with_data(self, **data) -> Chain:
        """The same chain, each of whose stages has its own data bound.

        Raises:
            TypeError: other names than `data_names`.
        """
        if set(data) != set(self.data_names):
            raise TypeError(f"with_data takes {self.data_names}, got {tuple(data)}.")
        return Chain(
            [stage.with_data(**{n: data[n] for n in stage.data_names}) for stage in self.stages]
        )

    def data_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the images that reach the stage which takes data."""
        for stage in self.stages:
            if stage.data_names:
                break
            image_shape = stage.measurement_shape(image_shape)
        return tuple(image_shape)

    def simulate(self, x, seeds):
        """Draws y given x, and conceals what it says nothing about: noise under a mask."""
        for stage in self.stages:
            x = stage.simulate(x, seeds)
        return self.fill_unobserved(x)

    def log_density(self, y, mean, params: Mapping[str, object]):
        """That of the last stage."""
        return self.stages[-1].log_density(y, mean, params)

    def variance(self, mean, params: Mapping[str, object]):
        """That of the last stage."""
        return self.stages[-1].variance(mean, params)

    def precision(self, mean, params: Mapping[str, object]):
        """That of the last stage."""
        return self.stages[-1].precision(mean, params)

    def distribution(self, mean, params: Mapping[str, object]):
        """That of the last stage."""
        return self.stages[-1].distribution(mean, params)

    def get_config(self) -> dict:
        """{'stages': (class, items of its configuration) of each}."""
        return {"stages": tuple((type(s), tuple(s.get_config().items())) for s in self.stages)}

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Chain:
        """The chain of a configuration as of `get_config`."""
        return cls([kind.from_config(dict(own)) for kind, own in config["stages"]])

    @property
    def _measuring(self) -> tuple[Corruption, ...]:
        """The stages whose values are those of y: the last one, and the one before its noise."""
        return self.stages[-2:] if self.adds_noise else self.stages[-1:]

    def _carried(self, y):
        """(known, blank): what is known of y, and mid-grey as the stages from a mask on leave it.

        known is bool [B or 1, h, w, C], or None where all is; blank broadcasts against y.
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


def _is_chain(stage) -> bool:
    return isinstance(stage, Chain)


def _check_numbers(stages: Sequence[Corruption]) -> None:
    """Refuses what is not for the complex numbers of the stage before it."""
    for before, stage in itertools.pairwise(stages):
        if before.measurement_dtype.is_complex and not stage.takes_complex:
            raise InputError(
                "corruption",
                f"{type(stage).__name__} cannot follow {type(before).__name__}, whose values are "
                "complex",
                remedy="Let nothing but noise(scale=...) follow it",
            )


def _check_pixels(stages: Sequence[Corruption]) -> None:
    """Refuses a mask before what needs all pixels: nothing at all would be known then."""
    for i, stage in enumerate(stages):
        if stage.needs_all_pixels and any(isinstance(s, MissingPixels) for s in stages[:i]):
            raise InputError(
                "corruption",
                f"{type(stage).__name__} cannot follow a mask: each of its values is of all pixels",
                remedy="Leave the mask out",
            )
