"""The contract of a corruption: y = forward(x) + noise.

Notation: x [B, H, W, C] images in [-1, 1]; y the measurement, of
`measurement_shape(x.shape)` and `measurement_dtype`, real or complex; m = forward(x); A the linear
part of mean, A x = forward(x) - forward(0); s the noise scale in grey levels, of each of the real
numbers that y consists of (`components`).
"""

from __future__ import annotations

import abc
import copy
import dataclasses
import math
import types
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import tensorflow as tf

from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.corruptions.complex_values import complex_dtype, components, parts, real_dtype, unit

GREY_LEVEL = 2.0 / 255.0  # one grey level of [0, 255], in units of [-1, 1]


class Corruption(abc.ABC):
    """A known way in which an image x is damaged into a measurement y.

    A subclass is a frozen dataclass: objects are immutable. Per-image data (a mask) is
    bound by `with_data`, whose tensors may be arguments of a compiled function, so that
    another batch with other data runs the same program. `a + b` is the `Chain` of two.

    A field that may be inferred with the image holds a number or an `unknown.ParameterPrior`, its
    prior; `with_params` binds a value for each image, and `value` returns what counts.

    Attributes:
        linear: whether forward(x) - forward(0) is linear in x; `adjoint` exists only then.
        surrogate_gradient: whether gradients of `mean` are those of a substitute that the
            class states, because its own derivative is zero nearly everywhere.
        keeps_pixels: whether those values of y that are known are pixels of x.
        adds_noise: whether `simulate` scatters around the mean: a stage of noise.
        inferable: name -> `ParameterPrior`, of a class in a file of the user's: those fields that may
            be written `unknown`, and their priors then. (The package's own say so in their rows.)
        values: what `with_params` bound.
        data_names: names of the per-image arrays that `with_data` takes.
        needs_all_pixels: whether each value of y is of every pixel of x: no mask may come before.
        takes_complex: whether a stage of noise is for complex numbers, too.
        measurement_dtype: dtype of y for float32 images; an image of another
            precision gives y the same precision (`dtype_for`).
    """

    linear: bool = True
    straight_through_gradient: bool = False
    keeps_pixels: bool = False
    adds_noise: bool = False
    needs_all_pixels: bool = False
    takes_complex: bool = False
    inferable: ClassVar[Mapping[str, ParameterPrior]] = types.MappingProxyType({})
    values: ClassVar[Mapping[str, object]] = types.MappingProxyType({})
    data_names: tuple[str, ...] = ()
    measurement_dtype = tf.float32

    @abc.abstractmethod
    def forward(self, x):
        """What would be measured without noise: f(x)."""

    def adjoint(self, y):
        """A^T y, for A x = forward(x) - forward(0): <A x, y> = <x, A^T y>.

        Of complex y it is A^H y, real: Re <A x, y> = <x, A^H y>.

        Raises:
            TypeError: the corruption is not linear.
        """
        raise TypeError(f"{type(self).__name__} is not linear: it has no adjoint.")

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of y for images of shape (..., H, W, C).

        Raises:
            InputError: images of this shape cannot be measured.
        """
        return tuple(image_shape)

    def dtype_for(self, image_dtype):
        """dtype of y for images of a dtype."""
        is_complex = self.measurement_dtype.is_complex
        return complex_dtype(image_dtype) if is_complex else tf.as_dtype(image_dtype)

    def of_images(self, image_shape: tuple[int, ...]) -> Corruption:
        """The same corruption for images of one shape (..., H, W, C).

        Only then what is known can be told of a measurement alone, whatever the stages.
        """
        del image_shape
        return self

    # What is to be looked at, and counted.

    def as_image(self, y):
        """y as images [B, h, w, 1 or 3], for eyes and networks; y itself, unless it is none."""
        return y

    def components(self, y):
        """The real numbers of y in units of [-1, 1]: y itself unless it is complex.

        Args:
            y: measurement or mean [B, h, w, C].

        Returns:
            [B, h, w, C] or, of complex numbers, [B, h, w, 2 C].
        """
        return components(y)

    # What is known.

    def propagate_mask(self, known):
        """Which values of y depend on known values of x alone.

        Found by trial, for any corruption: of two images that differ in the unknown values,
        and in nothing else, the same is measured, to half a grey level. Parameters that are
        inferred have their upper bounds for that, whatever is bound: what counts as measured
        must not depend on them.

        Args:
            known: bool [B or 1, H, W, C], or None where all are.

        Returns:
            bool [B or 1, h, w, C or 1], or None where all are.
        """
        if known is None:
            return None
        # Not one value for all, for signed weights could cancel; nor opposite ones, which an
        # even function takes for the same.
        trial = tf.random.stateless_uniform(known.shape[1:], [0, 0], minval=0.5, maxval=1.0)
        trial = tf.where(known, tf.zeros_like(trial), trial)
        widest = self.with_params(**{n: [self.largest(n)] for n in self.params})
        return tf.abs(widest.forward(trial) - widest.forward(-0.5 * trial)) < 0.5 * GREY_LEVEL

    def observation_mask(self, y):
        """1 where y says something about x, 0 where it does not; real, broadcasts against y."""
        known = self.propagate_mask(None)
        dtype = real_dtype(y)
        return tf.ones_like(y, dtype) if known is None else tf.cast(known, dtype)

    def fill_unobserved(self, y):
        """y with what it says nothing about replaced by what `mean` puts there.

        A photograph given with a mask may still hold pixels under the mask: they are not
        part of the measurement, and nothing may look at them.
        """
        return y

    def composite(self, y, x):
        """The restored image x with the pixels that y knows put back.

        Args:
            y: measurement.
            x: restored images [B, H, W, C].

        Returns:
            Images [B, H, W, C], or None where y does not hold some of the image's
            pixels and leave the others open: there is nothing to merge then.
        """
        return None

    # Per-image data.

    @property
    def data(self) -> dict[str, object]:
        """The arrays that are bound, by name; None where none is."""
        return {name: getattr(self, name) for name in self.data_names}

    def with_data(self, **data) -> Corruption:
        """The same corruption with per-image arrays bound (those in `data_names`).

        Raises:
            TypeError: other names than `data_names`.
        """
        if set(data) != set(self.data_names):
            raise TypeError(f"with_data takes {self.data_names}, got {tuple(data)}.")
        return dataclasses.replace(self, **data) if data else self

    def data_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the images that per-image arrays belong to, for images (..., H, W, C)."""
        return tuple(image_shape)

    # Parameters that are inferred.

    @property
    def params(self) -> dict[str, ParameterPrior]:
        """The priors of those fields that are to be inferred, by name."""
        fields = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
        found = {field.name: getattr(self, field.name) for field in fields}
        return {name: value for name, value in found.items() if isinstance(value, ParameterPrior)}

    def with_params(self, **values) -> Corruption:
        """The same corruption with a value [B] bound for each of its `params`.

        Raises:
            TypeError: other names than those of `params`.
        """
        if set(values) != set(self.params):
            raise TypeError(f"with_params takes {tuple(self.params)}, got {tuple(values)}.")
        if not values:
            return self
        bound = copy.copy(self)
        object.__setattr__(bound, "values", types.MappingProxyType(values))
        return bound

    def value(self, name: str, like):
        """What a parameter is: a number, or [B, 1, 1, 1] where it is bound for each image.

        Args:
            name: of the field. An unknown that nothing is bound to has its prior's median.
            like: images or a measurement, whose real dtype it gets.
        """
        own = self.values.get(name, getattr(self, name))
        if isinstance(own, ParameterPrior):
            own = own.median
        # Not tf.cast, which would take a Python float through float32.
        own = own if tf.is_tensor(own) else np.asarray(own, np.float64)
        number = tf.cast(own, real_dtype(like))
        return number if number.shape.rank == 0 else tf.reshape(number, [-1, 1, 1, 1])

    def largest(self, name: str) -> float:
        """A parameter's number, or the upper bound of one that is inferred."""
        own = getattr(self, name)
        return own.bounds[1] if isinstance(own, ParameterPrior) else own

    # Noise.

    def simulate(self, x, seeds):
        """Draws y given x; noise-free for a corruption without a stage of noise.

        Args:
            x: images [B, H, W, C].
            seeds: int32 [B, 2], a stateless seed for each image, on which alone its noise
                depends.
        """
        del seeds
        return self.forward(x)

    def likelihood(self, x, params: Mapping[str, object]):
        """Returns p(y | x) as a distribution of TensorFlow Probability.

        Args:
            x: Images [B, H, W, C].
            params: Parameters of `log_density`.

        Returns:
            A `likelihood.Likelihood`, batch [B], whose event is the measurement of an image.
        """
        # Imported here, because TensorFlow Probability takes more than a second.
        from brgm_tf.corruptions.likelihood import Likelihood

        return Likelihood(self, self.forward(x), params)

    def log_prob(self, y, x, params: Mapping[str, object]):
        """Returns log p(y | x) [B], the `log_prob` of `likelihood`.

        Args:
            y: Measurement.
            x: Images [B, H, W, C].
            params: Parameters of `log_density`.
        """
        return self.likelihood(x, params).log_prob(y)

    def log_density(self, y, mean, params: Mapping[str, object]):
        """log p(y | m) of every value: log N(y | m, s^2) unless a stage of noise says other.

        Of a complex value it is the sum of that of the real and that of the imaginary part.

        Args:
            y: measurement.
            mean: m.
            params: must hold 'noise_scale', s in grey levels, scalar or [B].

        Returns:
            Real, of the shape of y; a density of y, in [-1, 1] where it is real, or a probability
            where y is a count.
        """
        scale = self._noise_scale(mean, params) * unit(mean)
        constant = 0.5 * math.log(2.0 * math.pi)
        normal = [
            -0.5 * tf.square(part / scale) - tf.math.log(scale) - constant
            for part in parts(y - mean)
        ]
        return tf.add_n(normal)

    def variance(self, mean, params: Mapping[str, object]):
        """Variance of y around m, broadcastable to m, in units of [-1, 1]^2.

        Of complex numbers it is that of one of the two `components` of a value.
        """
        return tf.square(self._noise_scale(mean, params))

    def precision(self, mean, params: Mapping[str, object]):
        """Fisher information of one value about its mean m, -E d^2 log p(y | m) / d m^2.

        1 / `variance` unless a stage of noise says other; broadcastable to m, and like it in units
        of [-1, 1] and of one component.
        """
        return 1.0 / self.variance(mean, params)

    def distribution(self, mean, params: Mapping[str, object]):
        """p(y | m) as a distribution of TensorFlow Probability, of the batch shape of m.

        Its log_prob is `log_density`.
        """
        # Here alone; TensorFlow Probability takes its time to import.
        from brgm_tf.corruptions.complex_normal import normal_around

        return normal_around(mean, self._noise_scale(mean, params))

    # Configuration.

    def get_config(self) -> dict:
        """Arguments of `from_config` that rebuild the corruption (per-image data excepted)."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Corruption:
        """The corruption of a configuration: its constructor's arguments."""
        return cls(**config)

    def __add__(self, other):
        """The `Chain` of both, this one first."""
        from brgm_tf.corruptions.chain import Chain  # which imports this module

        return Chain([self, other]) if isinstance(other, Corruption) else NotImplemented

    @staticmethod
    def _noise_scale(mean, params: Mapping[str, object]):
        """s in units of [-1, 1], real [1 or B, 1, 1, 1]."""
        scale = params["noise_scale"]
        if not tf.is_tensor(scale):
            # tf.cast alone would take a Python float through float32.
            scale = np.asarray(scale, np.float64)
        return tf.reshape(tf.cast(scale, real_dtype(mean)), [-1, 1, 1, 1]) * GREY_LEVEL
