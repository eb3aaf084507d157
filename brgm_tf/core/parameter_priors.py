"""Priors of the parameters that are inferred with the image.

Notation: t the parameter; z ~ N(0, 1) the standard normal that a bijector maps to t; Phi the
distribution function of z.

    Bounded:              t = low + (high - low) Phi(z)    uniform on (low, high)
    Bounded, logarithmic: t = low (high / low)^Phi(z)      log t is uniform
    LogNormal:            t = median exp(log_stddev z)
    Normal:               t = mean + stddev z

Optimizers and samplers move z. Only methods import TensorFlow.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from typing import Any


class ParameterPrior(abc.ABC):
    """Prior of a parameter: a standard normal z that `bijector` maps to the parameter t."""

    @property
    @abc.abstractmethod
    def median(self) -> float:
        """Median of t, its value at z = 0."""

    @property
    @abc.abstractmethod
    def bounds(self) -> tuple[float, float]:
        """Open interval of t."""

    @abc.abstractmethod
    def between(self, low: float, high: float) -> Bounded:
        """Returns the prior of the same kind on the interval (low, high)."""

    @abc.abstractmethod
    def bijector(self, dtype) -> Any:
        """Returns the `tfp.bijectors.Bijector` that maps z to t.

        Args:
            dtype: Floating-point type of z and t.
        """

    def forward(self, z) -> Any:
        """Returns t of z, a floating-point tensor of any shape."""
        import tensorflow as tf

        z = tf.convert_to_tensor(z)
        return self.bijector(z.dtype).forward(z)

    def distribution(self, dtype) -> Any:
        """Returns p(t), a scalar `tfp.distributions.TransformedDistribution` of N(0, 1).

        Args:
            dtype: Floating-point type of z and t.
        """
        import tensorflow as tf
        from tensorflow_probability import distributions as tfd

        zero = tf.zeros([], dtype)
        return tfd.TransformedDistribution(tfd.Normal(zero, zero + 1), self.bijector(dtype))


@dataclasses.dataclass(frozen=True)
class Bounded(ParameterPrior):
    """Uniform prior between two bounds; or the logarithm of the parameter is uniform.

    Args:
        low: Lower bound.
        high: Upper bound.
        logarithmic: Whether log t is uniform instead of t, as for factors and widths.

    Raises:
        ValueError: low is not below high; or low is not positive and `logarithmic` is True.

    Example:
        >>> Bounded(1.0, 9.0).median, Bounded(1.0, 9.0, logarithmic=True).median
        (5.0, 3.0)
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
        """Arithmetic mean of the bounds, or their geometric mean if log t is uniform."""
        middle = 0.5 * (self.low + self.high)
        return math.sqrt(self.low * self.high) if self.logarithmic else middle

    @property
    def bounds(self) -> tuple[float, float]:
        """Open interval (low, high)."""
        return self.low, self.high

    def between(self, low: float, high: float) -> Bounded:
        """Returns the prior of the same kind on the interval (low, high)."""
        return dataclasses.replace(self, low=low, high=high)

    def bijector(self, dtype) -> Any:
        """Returns the bijector that maps z to t."""
        import tensorflow as tf
        from tensorflow_probability import bijectors as tfb

        from brgm_tf.core.bijectors import StandardNormalCDF

        def scale(value: float):
            return tfb.Scale(tf.constant(value, dtype))

        uniform = StandardNormalCDF()
        if self.logarithmic:
            exponent = scale(math.log(self.high / self.low))
            return tfb.Chain([scale(self.low), tfb.Exp(), exponent, uniform])
        shift = tfb.Shift(tf.constant(self.low, dtype))
        return tfb.Chain([shift, scale(self.high - self.low), uniform])


@dataclasses.dataclass(frozen=True)
class LogNormal(ParameterPrior):
    """Log-normal prior of a positive parameter: log t ~ N(log middle, log_stddev^2).

    Args:
        middle: Median of t.
        log_stddev: Standard deviation of log t.

    Example:
        >>> LogNormal(5.0, 1.0).bounds
        (0.0, inf)
    """

    middle: float
    log_stddev: float

    def __repr__(self) -> str:
        return "unknown"

    @property
    def median(self) -> float:
        """Median of t."""
        return self.middle

    @property
    def bounds(self) -> tuple[float, float]:
        """Open interval (0, inf)."""
        return 0.0, math.inf

    def between(self, low: float, high: float) -> Bounded:
        """Returns the prior on (low, high) that has a uniform logarithm."""
        return Bounded(low, high, logarithmic=True)

    def bijector(self, dtype) -> Any:
        """Returns the bijector that maps z to t."""
        import tensorflow as tf
        from tensorflow_probability import bijectors as tfb

        middle, log_stddev = (tf.constant(a, dtype) for a in (self.middle, self.log_stddev))
        return tfb.Chain([tfb.Scale(middle), tfb.Exp(), tfb.Scale(log_stddev)])


@dataclasses.dataclass(frozen=True)
class Normal(ParameterPrior):
    """Normal prior: t ~ N(mean, stddev^2).

    Args:
        mean: Mean of t.
        stddev: Standard deviation of t.

    Example:
        >>> Normal(0.0, 0.01).median
        0.0
    """

    mean: float
    stddev: float

    def __repr__(self) -> str:
        return "unknown"

    @property
    def median(self) -> float:
        """Mean of t."""
        return self.mean

    @property
    def bounds(self) -> tuple[float, float]:
        """Open interval (-inf, inf)."""
        return -math.inf, math.inf

    def between(self, low: float, high: float) -> Bounded:
        """Returns the uniform prior on (low, high)."""
        return Bounded(low, high)

    def bijector(self, dtype) -> Any:
        """Returns the bijector that maps z to t."""
        import tensorflow as tf
        from tensorflow_probability import bijectors as tfb

        mean, stddev = (tf.constant(a, dtype) for a in (self.mean, self.stddev))
        return tfb.Chain([tfb.Shift(mean), tfb.Scale(stddev)])


# Prior of a noise scale in grey levels: nine tenths of it lie between 1 and 25.
NOISE_SCALE = LogNormal(5.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Asked:
    """The text 'unknown' or 'unknown(low, high)', before the parameter states its prior.

    Args:
        bounds: Bounds (low, high); None for the bounds of the parameter itself.
    """

    bounds: tuple[object, object] | None = None

    def __repr__(self) -> str:
        return "unknown" if self.bounds is None else f"unknown{self.bounds}"
