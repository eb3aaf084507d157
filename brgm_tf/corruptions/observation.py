"""The observed part of a measurement: masks before and after an operator."""

from __future__ import annotations

from typing import Any

import numpy as np

from brgm_tf.core.lazy import tf
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.corruptions.complex_values import real_dtype
from brgm_tf.corruptions.operator import Operator


class PartialOperator(Operator):
    """An operator whose measurement may depend on some pixels of the image only.

    Masks are True for known pixels and observed values.

    Attributes:
        keeps_pixels: Whether the observed values of y are pixels of x.
        hides_pixels: Whether y does not depend on some pixels of x, as after a mask.
    """

    keeps_pixels: bool = False
    hides_pixels: bool = False

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor | None:
        """Returns the mask of the values of y that depend on known values of x alone.

        The default holds for every corruption. It measures two images that differ in the unknown
        values only, and compares the measurements to half a grey level. Inferred parameters have
        their upper bounds here, because the mask must not depend on them.

        Args:
            known: bool [B or 1, H, W, C], or None if all values are known.

        Returns:
            bool [B or 1, h, w, C or 1], or None if all values are observed.
        """
        if known is None:
            return None
        # Random values, because signed weights could cancel equal ones. The second image is not the
        # negative of the first, because an even function maps both to the same measurement.
        trial = tf.random.stateless_uniform(known.shape[1:], [0, 0], minval=0.5, maxval=1.0)
        trial = tf.where(known, tf.zeros_like(trial), trial)
        widest = self.with_params(**{n: [self.largest(n)] for n in self.params})
        return tf.abs(widest.forward(trial) - widest.forward(-0.5 * trial)) < 0.5 * GREY_LEVEL

    def observation_mask(self, y: tf.Tensor) -> tf.Tensor:
        """Returns 1 for observed values of y and 0 for others; real, broadcasts against y."""
        known = self.propagate_mask(None)
        dtype = real_dtype(y)
        return tf.ones_like(y, dtype) if known is None else tf.cast(known, dtype)

    def fill_unobserved(self, y: tf.Tensor) -> tf.Tensor:
        """Returns y with unobserved values replaced by the values that `forward` puts there.

        A photograph given with a mask may still hold pixels under the mask. They are not part of
        the measurement, so nothing may read them.
        """
        return y

    @property
    def puts_pixels_back(self) -> bool:
        """Whether y has some, not all, pixels of x, so that `composite` puts them back."""
        return self.keeps_pixels and self.hides_pixels

    def composite(self, y: Any, x: Any) -> np.ndarray | None:
        """Returns the restored image x, changed to agree with the measurement y.

        A corruption that `puts_pixels_back` keeps the observed pixels of y and blends x into them
        without a seam; see `masking.membrane`. `Downsample` corrects the means of x; see
        `resolution.consistency`.

        Args:
            y: Measurement.
            x: Restored images [B, H, W, C], or samples of them [S, B, H, W, C].

        Returns:
            Array with the shape of x; None for corruptions without this operation.
        """
        if not self.puts_pixels_back:
            return None
        # Imported here, because SciPy is not needed to check flags.
        from brgm_tf.corruptions.masking.membrane import fill_seamlessly

        known = np.asarray(self.observation_mask(tf.convert_to_tensor(y))) > 0
        return fill_seamlessly(np.asarray(x), np.asarray(y), known=known)
