"""The configuration of a corruption: parameters, unknowns and per-image data."""

from __future__ import annotations

import copy
import dataclasses
import types
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.core.parameters import check_fields
from brgm_tf.core.registry import Call
from brgm_tf.corruptions.complex_values import real_dtype
from brgm_tf.corruptions.table import CORRUPTIONS

Self = TypeVar("Self", bound="Configured")


class Configured:
    """An immutable object: its fields are parameters and per-image data.

    A subclass is a frozen dataclass. A field that can be inferred with the image holds a number or
    a `ParameterPrior`; `with_params` binds one value for each image, and `value` returns the value
    in use.

    Attributes:
        data_names: Names of the per-image arrays that `with_data` binds.
        values: Values that `with_params` has bound.
    """

    data_names: tuple[str, ...] = ()
    values: Mapping[str, object] = types.MappingProxyType({})

    def __post_init__(self) -> None:
        check_fields(self)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments, without per-image data."""
        return {
            field.name: getattr(self, field.name)
            for field in _fields(self)
            if field.init and field.name not in self.data_names
        }

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Returns the corruption of a configuration that `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        """Returns the text that flags take, without the parameters at their defaults."""
        shown = {f.name: f.default for f in _fields(self) if f.repr}
        changed = {n: v for n, v in self.get_config().items() if n in shown and v != shown[n]}
        return str(Call(CORRUPTIONS.name_of(type(self)) or type(self).__name__, changed))

    # Per-image data.

    @property
    def data(self) -> dict[str, Any]:
        """The per-image arrays by name; None for an array that is not bound."""
        return {name: getattr(self, name) for name in self.data_names}

    def with_data(self: Self, **data: Any) -> Self:
        """Returns the same corruption with per-image arrays bound.

        The arrays may be arguments of a compiled function, so other data run the same program.

        Raises:
            TypeError: The names differ from `data_names`.
        """
        check_names("with_data", self.data_names, data)
        return dataclasses.replace(self, **data) if data else self  # type: ignore[type-var]

    # Parameters that are inferred.

    @property
    def params(self) -> dict[str, ParameterPrior]:
        """The priors of the fields to infer, by name."""
        values = {field.name: getattr(self, field.name) for field in _fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, ParameterPrior)}

    def with_params(self: Self, **values: Any) -> Self:
        """Returns the same corruption with a value [B] bound for each of its `params`.

        Raises:
            TypeError: The names differ from the names in `params`.
        """
        check_names("with_params", tuple(self.params), values)
        if not values:
            return self
        bound = copy.copy(self)
        object.__setattr__(bound, "values", types.MappingProxyType(values))
        return bound

    def value(self, name: str, like: tf.Tensor) -> tf.Tensor:
        """Returns the value of a parameter: a scalar, or [B, 1, 1, 1] if bound for each image.

        Args:
            name: Name of the field. An unknown without a bound value has the median of its prior.
            like: Images or a measurement; the value has their real dtype.
        """
        value = self.values.get(name, getattr(self, name))
        if isinstance(value, ParameterPrior):
            value = value.median
        number = as_real(value, real_dtype(like))
        return number if number.shape.rank == 0 else tf.reshape(number, [-1, 1, 1, 1])

    def largest(self, name: str) -> float:
        """Returns the number in a field, or the upper bound of its prior."""
        value = getattr(self, name)
        return value.bounds[1] if isinstance(value, ParameterPrior) else value


def as_real(value: Any, dtype: tf.DType) -> tf.Tensor:
    """Returns a number or tensor as a tensor of a real dtype, with the digits of a Python float."""
    # tf.cast alone takes a Python float through float32.
    return tf.cast(value if tf.is_tensor(value) else np.asarray(value, np.float64), dtype)


def check_names(method: str, expected: tuple[str, ...], given: Mapping[str, object]) -> None:
    """Checks the keywords of a method.

    Raises:
        TypeError: The names differ from the expected names.
    """
    if set(given) != set(expected):
        raise TypeError(f"{method} takes {expected}, got {tuple(given)}.")


def _fields(instance: object) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(instance) if dataclasses.is_dataclass(instance) else ()
