"""One colour a pixel, as on the sensor of a camera: the corruption of demosaicing."""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import one_of
from brgm_tf.corruptions.base import Corruption


@dataclasses.dataclass(frozen=True, repr=False)
class Bayer(Corruption):
    """A mosaic of the colours: y [B, H, W, 1] of x [B, H, W, 3].

        y[i, j] = x[i, j, c],    c the colour at (i mod 2, j mod 2) of the pattern

    The pattern is read along its two rows. In 'RGGB', pixel (0, 0) is red, (0, 1) and (1, 0) are
    green and (1, 1) is blue. The values are values of the image. A raw file is proportional to the
    light, and needs the curve of the image first. DeepInverse's `Demosaicing` is 'BGGR', and keeps
    three channels with zeros for the other colours.

    Args:
        pattern: 'RGGB' (default), 'BGGR', 'GRBG' or 'GBRG'.

    Raises:
        InputError: pattern has another value.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Bayer
        >>> x = np.broadcast_to([-0.1, 0.2, 0.3], [2, 2, 3])
        >>> Bayer("RGGB").simulate(x)[..., 0].tolist()
        [[-0.1, 0.2], [0.2, 0.3]]

    Reference: Bayer (1976), US patent 3971065.
    """

    pattern: str = parameter(
        one_of("RGGB", "BGGR", "GRBG", "GBRG"),
        "Colours of the first two pixels of two rows",
        default="RGGB",
    )

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), [B, H, W, 1]."""
        x = tf.convert_to_tensor(x)
        height, width, _ = self.measurement_shape(x.shape[1:])
        seen = self._seen(height, width)
        return tf.reduce_sum(tf.where(seen, x, tf.zeros_like(x)), axis=-1, keepdims=True)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y [B, H, W, 3]: y in the measured channel, 0 in the others."""
        y = tf.convert_to_tensor(y)
        return tf.where(self._seen(*y.shape[1:3]), y, tf.zeros_like(y))

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns (..., H, W, 1).

        Raises:
            InputError: The image does not have three channels, or H or W is odd.
        """
        *batch, height, width, channels = image_shape
        if channels != 3:
            raise InputError(
                "corruption",
                "bayer needs images of 3 channels",
                remedy="Give a generator of colour images",
                channels=channels,
            )
        if height % 2 or width % 2:
            raise InputError(
                "corruption",
                "bayer needs images of even height and width: whole patterns",
                size=f"{height} x {width}",
            )
        return (*batch, height, width, 1)

    def _seen(self, height: int, width: int) -> np.ndarray:
        """Returns bool [1, H, W, 3], True for the one channel that a pixel measures."""
        colours = np.array(["RGB".index(letter) for letter in self.pattern]).reshape(2, 2)
        return np.tile(np.eye(3, dtype=bool)[colours], (1, height // 2, width // 2, 1))
