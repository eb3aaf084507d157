"""A joint distribution whose log-densities need one pass over its model."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow_probability as tfp


class OnePassJointDistribution(tfp.distributions.JointDistributionCoroutine):
    """`tfd.JointDistributionCoroutine` whose `log_prob_parts` runs the model once.

    TensorFlow Probability first samples the model for its shapes. A model that synthesises images
    would be traced twice for every program, though the second image is never used.

    Args:
        model: Function that yields the distributions and receives their values.
        names: Name of each distribution.
    """

    def __init__(self, model: Callable[[], Iterator], *, names: tuple[str, ...]):
        self._names = names
        self._values_type = collections.namedtuple("Values", names)  # type: ignore[misc]
        super().__init__(model, sample_dtype=self._values_type(*names))

    def values(self, **values) -> Any:
        """Returns a named tuple of the values of the distributions, in the order of the model.

        Args:
            **values: Values by name; names of no distribution are ignored.
        """
        return self._values_type(*(values[name] for name in self._names))

    def log_prob_parts(self, value) -> Mapping[str, Any]:
        """Returns the log-density of each distribution at its value, by name.

        Args:
            value: Named tuple of `values`.
        """
        model, parts = self.model(), {}
        distribution = next(model)
        for name, part in value._asdict().items():
            if isinstance(distribution, self.Root):
                distribution = distribution.distribution
            parts[name] = distribution.log_prob(part)
            distribution = _send(model, part)
        return parts


def _send(model, value):
    """Returns the next distribution of the model, or None at its end."""
    try:
        return model.send(value)
    except StopIteration:
        return None
