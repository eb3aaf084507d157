"""Parameters that are inferred with the image, and their priors.

Notation: z ~ N(0, 1) a coordinate, in which everything is optimised and drawn; Phi its
distribution function; t the parameter.

    Bounded:              t = low + (high - low) Phi(z)    uniform on (low, high)
    Bounded, logarithmic: t = low (high / low)^Phi(z)      its logarithm is uniform
    LogNormal:            t = middle exp(log_stddev z)

TensorFlow is imported by methods alone.
"""

from __future__ import annotations

import abc
import dataclasses
import math


class ParameterPrior(abc.ABC):
    """The prior of a parameter that is inferred, as a function of a standard normal z."""

    @property
    @abc.abstractmethod
    def median(self) -> float:
        """t of z = 0."""

    @property
    @abc.abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The open interval of t."""

    @abc.abstractmethod
    def between(self, low: float, high: float) -> Bounded:
        """The prior of the same kind on an interval that is given."""

    @abc.abstractmethod
    def forward(self, z):
        """t of z, a tensor of any shape."""

    @abc.abstractmethod
    def distribution(self, shape, dtype):
        """p(t) as a distribution of TensorFlow Probability."""


@dataclasses.dataclass(frozen=True)
class Bounded(ParameterPrior):
    """Uniform between two bounds, or uniform in the logarithm.

    Args:
        low: least value.
        high: largest value.
        logarithmic: whether the logarithm is uniform: for factors and widths.

    Raises:
        ValueError: low is not below high, or not positive where the logarithm is taken.
    """

    low: float
    high: float
    logarithmic: bool = False

    def __post_init__(self):
        if not self.low < self.high:
            raise ValueError("must be unknown between a low and a higher bound")
        if self.logarithmic and not self.low > 0:
            raise ValueError("must be unknown between positive bounds")

    def __repr__(self) -> str:
        return f"unknown({self.low!r}, {self.high!r})"

    @property
    def median(self) -> float:
        """The middle, in the logarithm where that is uniform."""
        middle = 0.5 * (self.low + self.high)
        return math.sqrt(self.low * self.high) if self.logarithmic else middle

    @property
    def bounds(self) -> tuple[float, float]:
        """(low, high)."""
        return self.low, self.high

    def between(self, low: float, high: float) -> Bounded:
        """The prior of the same kind on another interval."""
        return dataclasses.replace(self, low=low, high=high)

    def forward(self, z):
        """t of z."""
        import tensorflow as tf

        share = 0.5 * tf.math.erfc(-z / math.sqrt(2.0))
        if self.logarithmic:
            return self.low * tf.exp(math.log(self.high / self.low) * share)
        return self.low + (self.high - self.low) * share

    def distribution(self, shape, dtype):
        """p(t), batch shape `shape`."""
        import tensorflow as tf
        from tensorflow_probability import bijectors as tfb
        from tensorflow_probability import distributions as tfd

        low, high = (tf.fill(shape, tf.constant(bound, dtype)) for bound in self.bounds)
        if not self.logarithmic:
            return tfd.Uniform(low, high)
        uniform = tfd.Uniform(tf.math.log(low), tf.math.log(high))
        return tfd.TransformedDistribution(uniform, tfb.Exp())


@dataclasses.dataclass(frozen=True)
class LogNormal(ParameterPrior):
    """Positive, without a bound: log t ~ N(log middle, log_stddev^2).

    Args:
        middle: the median of t.
        log_stddev: standard deviation of log t.
    """

    middle: float
    log_stddev: float

    def __repr__(self) -> str:
        return "unknown"

    @property
    def median(self) -> float:
        """As given."""
        return self.middle

    @property
    def bounds(self) -> tuple[float, float]:
        """(0, inf)."""
        return 0.0, math.inf

    def between(self, low: float, high: float) -> Bounded:
        """Uniform in the logarithm."""
        return Bounded(low, high, logarithmic=True)

    def forward(self, z):
        """t of z."""
        import tensorflow as tf

        return self.middle * tf.exp(self.log_stddev * z)

    def distribution(self, shape, dtype):
        """p(t), batch shape `shape`."""
        import tensorflow as tf
        from tensorflow_probability import distributions as tfd

        location = tf.fill(shape, tf.constant(math.log(self.middle), dtype))
        return tfd.LogNormal(location, tf.constant(self.log_stddev, dtype))


# Of a noise scale in grey levels: 1 to 25 hold nine tenths of it.
NOISE_SCALE = LogNormal(5.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Asked:
    """'unknown' or 'unknown(low, high)' as written, before the parameter says of which kind.

    Args:
        bounds: (low, high); None for the parameter's own.
    """

    bounds: tuple[object, object] | None = None

    def __repr__(self) -> str:
        return "unknown" if self.bounds is None else f"unknown{self.bounds}"
