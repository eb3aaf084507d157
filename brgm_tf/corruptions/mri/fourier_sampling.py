"""Sampled Fourier transforms of images, which an MRI scanner measures.

Notation: x [B, H, W, 1] images; S [H, W, K] the sensitivities of K coils; F the orthonormal
two-dimensional Fourier transform with the frequency 0 in the middle; P the projection on the
sampled values, which sets the others to 0.

    y_k = P F S_k (x + 1) / 2                            [B, H, W, K], complex
    A^H y = Re sum_k conj(S_k) F^H P y_k / 2             [B, H, W, 1], real

A^H is the adjoint for real images: Re <A x, y> = <x, A^H y>.
"""

from __future__ import annotations

import abc
import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.complex_values import complex_dtype, real_dtype


class FourierSampling(Corruption):
    """Samples of the Fourier transform of grey images, for one or more coils; see the module.

    A grey level is 1 / 255 of the magnitude (x + 1) / 2, and F keeps lengths. So noise of s grey
    levels in the real and the imaginary parts is noise of s grey levels in the image of a fully
    sampled k-space. The map is affine, because black is -1 and has no signal.

    A subclass states the sampled values (`sampled_map`) and has the attribute `sensitivity_maps`,
    complex [H, W, K], or None for one coil of sensitivity 1.
    """

    sensitivity_maps: np.ndarray | None

    needs_all_pixels = True
    measures_kspace = True

    @abc.abstractmethod
    def sampled_map(self, height: int, width: int) -> np.ndarray:
        """Returns bool [height, width], or [S, height, width] for a volume, True = sampled."""

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), complex [B, H, W, K]."""
        x = tf.convert_to_tensor(x)
        self.measurement_shape(x.shape[1:])
        dtype = complex_dtype(x.dtype)
        signal = tf.cast(0.5 * (tf.cast(x, dtype.real_dtype) + 1.0), dtype)
        maps = self._maps(dtype)
        return self._sampled(fourier(signal if maps is None else maps * signal))

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^H y, real [B, H, W, 1]."""
        return 0.5 * tf.math.real(self._combined(tf.convert_to_tensor(y)))

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns (..., H, W, K).

        Raises:
            InputError: The images have colours or another size than the sensitivities, or the
                pattern does not exist for their size.
        """
        *batch, height, width, channels = image_shape
        if channels != 1:
            raise InputError(
                "corruption",
                "kspace needs images of 1 channel",
                remedy="Choose a generator of grey images, or write grayscale() + kspace(...)",
                channels=channels,
            )
        maps = self.sensitivity_maps
        if maps is not None and maps.shape[:2] != (height, width):
            raise InputError(
                "sensitivities",
                f"must be of the image's {height} x {width} pixels",
                shape=maps.shape,
            )
        self.sampled_map(height, width)
        return (*batch, height, width, 1 if maps is None else maps.shape[2])

    def of_images(self, image_shape: tuple[int, ...]) -> Corruption:
        """Returns the samples for one size, which are known without an image."""
        return BoundFourierSampling(self.sampled_map(*image_shape[-3:-1]), self.sensitivity_maps)

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor:
        """Returns the sampled values.

        Raises:
            InputError: Pixels are missing, and every value of k-space depends on all pixels.
        """
        if known is not None:
            raise InputError(
                "corruption",
                "kspace cannot follow a stage after which pixels are missing",
                remedy="Leave that stage out",
            )
        raise TypeError(f"{type(self).__name__} is for images of any size: use of_images.")

    def observation_mask(self, y: tf.Tensor) -> tf.Tensor:
        """Returns 1 for sampled values and 0 for others, real [1 or S, H, W, 1]."""
        return tf.cast(self._sampled_in(y), real_dtype(y))

    def fill_unobserved(self, y: tf.Tensor) -> tf.Tensor:
        """Returns P y."""
        return self._sampled(tf.convert_to_tensor(y))

    def as_image(self, y: tf.Tensor) -> tf.Tensor:
        """Returns the zero-filled reconstruction [B, H, W, 1].

            2 |sum_k conj(S_k) F^H P y_k| / sum_k |S_k|^2 - 1

        The sensitivities weight the coils. Pixels without sensitivity are black. The values lie in
        [-1, 1] unless noise makes them brighter than white.
        """
        y = tf.convert_to_tensor(y)
        magnitude = tf.abs(self._combined(y))
        maps = self.sensitivity_maps
        if maps is not None:
            power = np.sum(np.abs(maps) ** 2, axis=-1, keepdims=True)
            magnitude = tf.math.divide_no_nan(magnitude, tf.constant(power, magnitude.dtype))
        return 2.0 * magnitude - 1.0

    def _combined(self, y):
        """Returns sum_k conj(S_k) F^H P y_k, complex [B, H, W, 1]."""
        coils = inverse_fourier(self._sampled(y))
        maps = self._maps(y.dtype)
        return coils if maps is None else tf.reduce_sum(tf.math.conj(maps) * coils, -1, True)

    def _sampled(self, y):
        return tf.where(self._sampled_in(y), y, tf.zeros_like(y))

    def _sampled_in(self, y):
        """Returns the sampled values of y, bool [1 or S, H, W, 1]."""
        return _per_image(self.sampled_map(*y.shape[1:3]))

    def _maps(self, dtype):
        maps = self.sensitivity_maps
        return None if maps is None else tf.constant(maps, dtype)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)  # arrays have no == that is a bool
class BoundFourierSampling(FourierSampling):
    """Given samples for images of one size; see `FourierSampling`.

    Args:
        sampled: bool [H, W], or [S, H, W] for the slices of a volume, True = sampled; the
            frequency 0 is at [H // 2, W // 2].
        sensitivity_maps: complex [H, W, K], or None (default) for one coil of sensitivity 1.
    """

    sampled: np.ndarray = dataclasses.field(repr=False)
    sensitivity_maps: np.ndarray | None = dataclasses.field(default=None, repr=False)

    def sampled_map(self, height: int, width: int) -> np.ndarray:
        """Returns `sampled`.

        Raises:
            InputError: `sampled` has another size.
        """
        if self.sampled.shape[-2:] != (height, width):
            raise InputError(
                "sampled", f"must be of {height} x {width} values", shape=self.sampled.shape
            )
        return self.sampled

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor:
        """Returns the sampled values, bool [1 or S, H, W, 1]; refuses missing pixels."""
        if known is not None:
            return super().propagate_mask(known)
        return _per_image(self.sampled)


def _per_image(sampled: np.ndarray) -> tf.Tensor:
    """Returns [1, H, W, 1] of [H, W], and [S, H, W, 1] of [S, H, W]."""
    return tf.constant(np.reshape(sampled, [-1, *sampled.shape[-2:], 1]))


def fourier(x: tf.Tensor) -> tf.Tensor:
    """Returns F x over the second and third axis of complex [B, H, W, K]."""
    return _transformed(tf.signal.fft2d, x, exponent=-0.5)


def inverse_fourier(y: tf.Tensor) -> tf.Tensor:
    """Returns F^H y, the inverse of `fourier`."""
    return _transformed(tf.signal.ifft2d, y, exponent=0.5)


def _transformed(transform, x, *, exponent: float):
    scale = tf.constant((x.shape[1] * x.shape[2]) ** exponent, x.dtype)
    x = tf.transpose(x, [0, 3, 1, 2])  # TensorFlow transforms the last two axes
    x = tf.signal.ifftshift(x, axes=(2, 3))
    x = tf.signal.fftshift(scale * transform(x), axes=(2, 3))
    return tf.transpose(x, [0, 2, 3, 1])
