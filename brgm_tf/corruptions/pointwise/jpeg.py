"""JPEG compression: an image after baseline JPEG of a quality.

Notation: levels, grey levels in [0, 255]; planes [B, h, w, K], Y or (Cb, Cr); D [8, 8] the
orthonormal DCT-II; q [8, 8] a table of quantisation; a block b [8, 8] is coded as

    k = round(D (b - 128) D^T / q)    and decoded as    D^T (q k) D + 128.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.core.validation import integer
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.pointwise.straight_through import (
    at_least_float32,
    clipped,
    rounded,
    straight_through,
)

# ITU-T T.81, annex K.1: the tables of quality 50.
LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
CHROMA = np.full((8, 8), 99)
CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

# ITU-R BT.601 as in JFIF 1.02: (Y, Cb - 128, Cr - 128) = TO_YCC (R, G, B), and back.
TO_YCC = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.168735892, -0.331264108, 0.5],
        [0.5, -0.418687589, -0.081312411],
    ]
)
TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136286, -0.714136286], [1, 1.772, 0]])

# Blocks without texture decode to exact halves, which are rounded up. The number is larger than the
# errors of float32, and smaller than the distance of other values from a half.
_TIE = 1e-4


@dataclasses.dataclass(frozen=True, repr=False)
class Jpeg(Corruption):
    """An image written as a baseline JPEG file and read again.

    The steps are the defaults of the IJG's library: RGB to Y, Cb, Cr; chroma at half the resolution
    (4:2:0); tables of annex K scaled by quality; every intermediate picture in whole levels; chroma
    enlarged by its triangle filter. Borders are continued to whole blocks by the outermost pixels.
    Grey images have Y only.

    A photograph differs from Pillow's file of the same quality by less than 0.2 grey levels on
    average, and by more than one level in 2 % of its values at most. libjpeg's DCT is in integers,
    so a coefficient close to half a step may be rounded to the other side.

    `forward` is the codec itself, so log_prob is the same for all images with the same file. The
    derivative is zero almost everywhere. The gradient is the gradient of the steps without rounding
    and clipping (straight through); for grey images it is the identity.

    Args:
        quality: Quality on the IJG's scale, in [1, 100].

    Raises:
        InputError: quality is not an integer in [1, 100].

    Example:
        >>> from brgm_tf import Jpeg
        >>> Jpeg(quality=75).measurement_shape((30, 20, 3))
        (30, 20, 3)

    Reference: ITU-T T.81 (1992); JFIF 1.02; Independent JPEG Group, libjpeg 6b, jcparam.c,
    jcsample.c, jdsample.c. Straight through: Bengio, Leonard, Courville (2013), arXiv 1308.3432;
    Shin, Song (2017), JPEG-resistant adversarial images, round smoothly instead.
    """

    quality: int = parameter(integer(1, 100), "Quality on the IJG's scale", typical=(1, 100, 5))

    linear = False
    straight_through_gradient = True

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), with the shape of x.

        Raises:
            InputError: The images are neither grey nor RGB.
        """
        x = tf.convert_to_tensor(x)
        self.measurement_shape(x.shape[1:])
        levels = _to_levels((at_least_float32(x) + 1.0) * GREY_LEVELS_PER_UNIT)
        levels = self._grey(levels) if x.shape[-1] == 1 else self._colour(levels)
        return tf.cast(levels / GREY_LEVELS_PER_UNIT - 1.0, x.dtype)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the images.

        Raises:
            InputError: The images do not have 1 or 3 channels.
        """
        if image_shape[-1] not in (1, 3):
            raise InputError(
                "corruption",
                "jpeg needs images of 1 or 3 channels",
                remedy="Choose a generator of grey or RGB images",
                channels=image_shape[-1],
            )
        return tuple(image_shape)

    def _grey(self, levels: tf.Tensor) -> tf.Tensor:
        return coded(levels, table=scaled_table(LUMA, quality=self.quality))

    def _colour(self, levels: tf.Tensor) -> tf.Tensor:
        height, width = levels.shape[1:3]
        luma, chroma = _to_planes(levels)
        luma = coded(luma, table=scaled_table(LUMA, quality=self.quality))
        chroma = coded(_halved(chroma), table=scaled_table(CHROMA, quality=self.quality))
        # The enlargement of chroma does not use the pixels beyond the border.
        chroma = chroma[:, : (height + 1) // 2, : (width + 1) // 2]
        return _from_planes(luma, _doubled(chroma)[:, :height, :width])


def scaled_table(base: np.ndarray, *, quality: int) -> np.ndarray:
    """Returns q = (base s + 50) // 100 in [1, 255].

    s = 5000 // quality for quality < 50, else 200 - 2 quality.

    Args:
        base: Table of quality 50, [8, 8].
        quality: Quality in [1, 100].

    Reference: libjpeg 6b, jcparam.c, jpeg_quality_scaling and jpeg_add_quant_table.
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((base * scale + 50) // 100, 1, 255)


def dct_matrix() -> np.ndarray:
    """Returns D[k, n] = c_k cos((2 n + 1) k pi / 16), c_0 = sqrt(1 / 8), else 1 / 2: D D^T = I."""
    k, n = np.mgrid[:8, :8]
    return np.cos((2 * n + 1) * k * np.pi / 16) * np.where(k == 0, np.sqrt(1 / 8), 1 / 2)


def coded(plane: tf.Tensor, *, table: np.ndarray) -> tf.Tensor:
    """Codes planes in blocks of 8 x 8 and decodes them.

    Args:
        plane: Whole levels [B, h, w, K]; the last row and column continue them to whole blocks.
        table: q [8, 8].

    Returns:
        Whole levels [B, h, w, K].
    """
    height, width, planes = plane.shape[1:]
    down, right = -height % 8, -width % 8
    padded = _continued(plane, down=down, right=right)
    shape = [-1, (height + down) // 8, 8, (width + right) // 8, 8, planes]
    d = tf.constant(dct_matrix(), plane.dtype)
    blocks = tf.reshape(padded - 128.0, shape)
    coefficients = tf.einsum("ui,bminjc,vj->bmunvc", d, blocks, d)
    coefficients = _quantised(coefficients, tf.constant(table[:, None, :, None], plane.dtype))
    blocks = tf.einsum("ui,bmunvc,vj->bminjc", d, coefficients, d)
    decoded = tf.reshape(blocks, [-1, height + down, width + right, planes]) + 128.0
    return _to_levels(decoded)[:, :height, :width]


def _quantised(coefficients: tf.Tensor, table: np.ndarray) -> tf.Tensor:
    """Returns q round(c / q), halves away from zero; libjpeg has coefficients in eighths."""
    eighths = tf.floor(8.0 * coefficients + 0.5 + _TIE)
    steps = tf.floor(tf.abs(eighths) / (8.0 * table) + 0.5 + _TIE)
    return straight_through(tf.sign(eighths) * steps * table, coefficients)


def _to_levels(values: tf.Tensor) -> tf.Tensor:
    """Returns the nearest whole levels in [0, 255]."""
    return clipped(rounded(values, _TIE), 0.0, 255.0)


def _to_planes(levels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns Y [B, H, W, 1] and (Cb, Cr) [B, H, W, 2] of RGB levels, in whole levels."""
    planes = tf.einsum("bhwc,kc->bhwk", levels, tf.constant(TO_YCC, levels.dtype))
    luma, chroma = planes[..., :1], planes[..., 1:] + 128.0
    # libjpeg rounds halves of chroma down, because pure blue would be 256.
    return rounded(luma, _TIE), rounded(chroma, -_TIE)


def _from_planes(luma: tf.Tensor, chroma: tf.Tensor) -> tf.Tensor:
    planes = tf.concat([luma, chroma - 128.0], axis=-1)
    return _to_levels(tf.einsum("bhwk,ck->bhwc", planes, tf.constant(TO_RGB, luma.dtype)))


def _halved(chroma: tf.Tensor) -> tf.Tensor:
    """Returns means of 2 x 2 pixels; halves go down in even columns and up in odd ones.

    As in libjpeg, the columns are continued to a multiple of 16 before, and the rows to a multiple
    of 8 afterwards.
    """
    height, width, planes = chroma.shape[1:]
    chroma = _continued(chroma, down=height % 2, right=-width % 16)
    _, height, width, _ = chroma.shape
    chroma = tf.reshape(chroma, [-1, height // 2, 2, width // 2, 2, planes])
    chroma = tf.reduce_mean(chroma, axis=[2, 4])
    return rounded(chroma, _by_column(width // 2, even=-1 / 8, odd=1 / 8, dtype=chroma.dtype))


def _doubled(chroma: tf.Tensor) -> tf.Tensor:
    """Doubles rows and columns: 3/4 of the nearest and 1/4 of the next; halves alternate."""
    chroma = _doubled_along(_doubled_along(chroma, axis=1), axis=2)
    bias = _by_column(chroma.shape[2], even=1 / 32, odd=-1 / 32, dtype=chroma.dtype)
    return rounded(chroma, bias)


def _doubled_along(x: tf.Tensor, *, axis: int) -> tf.Tensor:
    size = x.shape[axis]
    first, last = tf.gather(x, [0], axis=axis), tf.gather(x, [size - 1], axis=axis)
    continued = tf.concat([first, x, last], axis=axis)
    before = tf.gather(continued, np.arange(size), axis=axis)
    after = tf.gather(continued, np.arange(size) + 2, axis=axis)
    pairs = tf.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
    shape = [-1, *x.shape[1:]]
    shape[axis] = 2 * size
    return tf.reshape(pairs, shape)


def _by_column(width: int, *, even: float, odd: float, dtype: Any) -> tf.Tensor:
    """Returns alternating values [width, 1]."""
    return tf.constant(np.where(np.arange(width) % 2, odd, even)[:, None], dtype)


def _continued(plane: tf.Tensor, *, down: int, right: int) -> tf.Tensor:
    """Repeats the last row `down` more times and the last column `right` more times."""
    if down:
        plane = tf.concat([plane, tf.repeat(plane[:, -1:], down, axis=1)], axis=1)
    if right:
        plane = tf.concat([plane, tf.repeat(plane[:, :, -1:], right, axis=2)], axis=2)
    return plane
