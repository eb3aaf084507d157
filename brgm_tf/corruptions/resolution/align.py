"""A turned and scaled square in a photograph, measured on the photograph's pixels.

Notation: x [H, W, C] the generator's upright image; y [h, w, C] a box of the photograph; pixel
(i, j) covers [i, i + 1) x [j, j + 1) in both, with its centre at (i + 1/2, j + 1/2).

    centre c = c_0 + s_0 R(a_0) (shift_down, shift_right)
    side   s = s_0 zoom,   angle a = a_0 + turn,   R(a) = [[cos a, sin a], [-sin a, cos a]]
    u(p) = (H / 2, W / 2) + (H / s) R(a)^T (p - c)      from the box to the image

A pixel of y is the mean of x over the pixel's square, which u turns and scales. The mean is taken
over m x m points, bilinear between the means of blocks of k x k pixels of x, where

    k = largest power of 2 that divides H and W with H / (k s_0) >= 2, else 1
    m = ceil(H / (k s_0) - 1/4)

The points are at most 5/4 blocks apart, so finer detail of x does not alias. Points beyond the
image have the values of its edge.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import LogNormal, Normal
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import integer, number
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.operator import transposed

ALIGNMENT = ("row", "column", "side", "angle", "top", "left", "bottom", "right")

# Errors of the crops by MTCNN's landmarks on 50 faces of known crops, see docs/photographs.md.
TURN, ZOOM = Normal(0.0, 1.0), LogNormal(1.0, 0.035)
SHIFT_DOWN, SHIFT_RIGHT = Normal(0.0, 0.006), Normal(0.0, 0.01)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Align(Corruption):
    """The image as a turned and scaled square in a box of a photograph; see the module.

    Pixels of the box that lie outside of the square, or outside of the photograph, are not
    observed and have the value 0. Unknown parameters do not change which pixels are observed.

    Args:
        size: Height and width of the box in pixels; 0 (default) for the shape of the image.
        side: s_0 in pixels of the box; 0 (default) for the height of the box. With an `alignment`
            it only states k and m.
        angle: a_0 in degrees, clockwise, default 0.
        turn: Degrees added to the angle, default 0.
        zoom: Factor of the side, default 1.
        shift_down, shift_right: Shifts along the axes of the square in units of its side,
            default 0.
        margin: Width of the edge of the square that is not observed, in units of the side,
            default 0. An unknown place needs a margin, because the square may move.
        alignment: [B, 8], `ALIGNMENT` of each image in pixels of the box and degrees: c_0, s_0,
            a_0, and the edges of the photograph. None (default) is the middle of the box.

    Raises:
        InputError: A parameter is not in its range.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Align
        >>> x = np.array([[-0.2, 0.2], [0.4, 0.6]])[..., np.newaxis]
        >>> Align(angle=90).simulate(x).round(3)[..., 0].tolist()
        [[0.4, -0.2], [0.6, 0.2]]
    """

    size: int = parameter(
        integer(0, 8192), "Side of the box in pixels; 0 for the shape of the image", default=0
    )
    side: float = parameter(
        number(0, 65536), "Side of the square in pixels; 0 for the height of the box", default=0.0
    )
    angle: float = parameter(number(-360, 360), "Angle in degrees, clockwise", default=0.0)
    turn: float = parameter(
        number(-90, 90), "Degrees added to the angle", default=0.0, unknown=TURN
    )
    zoom: float = parameter(number(0.5, 2), "Factor of the side", default=1.0, unknown=ZOOM)
    shift_down: float = parameter(
        number(-0.5, 0.5), "Shift down in units of the side", default=0.0, unknown=SHIFT_DOWN
    )
    shift_right: float = parameter(
        number(-0.5, 0.5),
        "Shift to the right in units of the side",
        default=0.0,
        unknown=SHIFT_RIGHT,
    )
    margin: float = parameter(
        number(0, 0.4), "Edge that is not observed, in units of the side", default=0.0
    )
    alignment: Any = dataclasses.field(default=None, repr=False)

    hides_pixels = True
    needs_all_pixels = True  # no mask may come before
    unknowns_keep_features = True
    per_image = False
    optional_data_names = ("alignment",)

    def for_photographs(self, size: int = 0) -> Align:
        """Returns the same corruption whose images bring their `alignment`.

        Args:
            size: Side of the box; 0 keeps the box of the corruption.
        """
        changed = dataclasses.replace(self)
        if size:
            changed = dataclasses.replace(self, size=size, side=0.75 * size)
        object.__setattr__(changed, "per_image", True)
        object.__setattr__(changed, "data_names", self.optional_data_names)
        return changed

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments, without per-image data."""
        config = super().get_config()
        config.pop("alignment", None)
        return config

    def with_data(self, **data: Any) -> Align:
        """Returns the same corruption with an alignment bound."""
        bound = super().with_data(**data)
        if bound is self:
            return self
        object.__setattr__(bound, "per_image", self.per_image)
        object.__setattr__(bound, "data_names", self.data_names)
        object.__setattr__(bound, "image_shape", getattr(self, "image_shape", None))
        return bound

    def of_images(self, image_shape: tuple[int, ...]) -> Align:
        """Returns the same corruption for images of one shape."""
        fixed = copy.copy(self)
        object.__setattr__(fixed, "image_shape", tuple(image_shape)[-3:])
        return fixed

    # Operator.

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), [B, h, w, C]."""
        x = tf.convert_to_tensor(x)
        height, width, channels = self.measurement_shape(x.shape[1:])
        wide = tf.cast(x, tf.float32) if x.dtype.size < 4 else x
        block, count = self._sampling(x.shape[1], x.shape[2], height)
        blocks = _block_means(wide, block)
        places = self._places(wide, (height, width), count) / block
        values = _bilinear(blocks, tf.reshape(places, [places.shape[0], -1, 2]))
        values = tf.reshape(values, [-1, height, width, count * count, channels])
        inside = self._inside((height, width), wide.dtype)
        return tf.cast(tf.where(inside, tf.reduce_mean(values, axis=3), 0), x.dtype)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y, the gradient of <y, A x>.

        Raises:
            TypeError: The corruption is not bound to a shape of images by `of_images`.
        """
        y = tf.convert_to_tensor(y)
        shape = getattr(self, "image_shape", None)
        if shape is None:
            if self.size:
                raise TypeError("Bind the shape of the images by of_images(shape).")
            shape = y.shape[1:]
        x = tf.zeros([tf.shape(y)[0], *shape[:2], y.shape[-1]], y.dtype)
        return transposed(self.forward, y, like=x)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns (..., size, size, C), or the shape of the image if the size is 0.

        Raises:
            InputError: A box of a given size cannot hold images that are not square.
        """
        *batch, height, width, channels = image_shape
        if self.size and height != width:
            raise InputError(
                "corruption", "align with a size needs square images", size=f"{height} x {width}"
            )
        return (*batch, self.size or height, self.size or width, channels)

    def _sampling(self, height: int, width: int, box_height: int) -> tuple[int, int]:
        """Returns (k, m)."""
        side, block = self.side or box_height, 1
        while math.gcd(height, width) % (2 * block) == 0 and height / (2 * block * side) >= 2:
            block *= 2
        return block, max(1, math.ceil(height / (block * side) - 0.25))

    def _nominal(self, shape: tuple[int, int], dtype: tf.DType) -> list[tf.Tensor]:
        """Returns c_0 (row, column), s_0 and a_0 in radians, each [B or 1, 1, 1, 1]."""
        if self.alignment is None:
            side = self.side or shape[0]
            numbers = tf.constant([[shape[0] / 2, shape[1] / 2, side, self.angle]], dtype)
        else:
            numbers = tf.cast(self.alignment, dtype)[:, :4]
        row, column, side, angle = tf.unstack(numbers[:, None, None, None, :], axis=-1)
        return [row, column, side, angle * (math.pi / 180.0)]

    def _places(self, x: tf.Tensor, shape: tuple[int, int], count: int) -> tf.Tensor:
        """Returns u [B or 1, h, w, m^2, 2] of the points of the pixels of a box."""
        row, column, side, angle = self._nominal(shape, x.dtype)
        turn, zoom, down, right = (
            self.value(name, x) for name in ("turn", "zoom", "shift_down", "shift_right")
        )
        cosine, sine = tf.cos(angle), tf.sin(angle)
        row = row + side * (cosine * down + sine * right)
        column = column + side * (cosine * right - sine * down)
        side, angle = side * zoom, angle + turn * (math.pi / 180.0)
        offsets = (tf.range(count, dtype=x.dtype) + 0.5) / count
        rows = tf.range(shape[0], dtype=x.dtype)[:, None, None, None] + offsets[:, None]
        columns = tf.range(shape[1], dtype=x.dtype)[:, None, None] + offsets
        rows = tf.reshape(rows, [1, shape[0], 1, count, 1])
        columns = tf.reshape(columns, [1, 1, shape[1], 1, count])
        row, column, side, angle = (t[..., None] for t in (row, column, side, angle))
        u = _in_square(rows - row, columns - column, angle)
        height, width = x.shape[1:3]
        places = [height / side * u[0] + height / 2, height / side * u[1] + width / 2]
        size = [-1, shape[0], shape[1], count * count]
        return tf.stack([tf.reshape(place, size) for place in places], axis=-1)

    # Observation.

    def _inside(self, shape: tuple[int, int], dtype: tf.DType) -> tf.Tensor:
        """Returns bool [B or 1, h, w, 1], True for the pixels that are observed."""
        row, column, side, angle = self._nominal(shape, dtype)
        rows = tf.range(shape[0], dtype=dtype)[None, :, None, None] + 0.5
        columns = tf.range(shape[1], dtype=dtype)[None, None, :, None] + 0.5
        down, right = _in_square(rows - row, columns - column, angle)
        ratio = 1.0 if self.size else shape[1] / shape[0]
        half = side * (0.5 - self.margin)
        # A pixel counts if its centre does; rounding must not lose the pixels at the edge.
        inside = (tf.abs(down) <= half + 1e-3) & (tf.abs(right) <= half * ratio + 1e-3)
        if self.alignment is not None:
            edges = tf.cast(self.alignment, dtype)[:, None, None, None, 4:]
            top, left, bottom, last = tf.unstack(edges, axis=-1)
            inside &= (rows > top) & (rows < bottom) & (columns > left) & (columns < last)
        return inside

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor | None:
        """Returns the pixels that are observed, [B or 1, h, w, 1]; `known` must be None."""
        shape = getattr(self, "image_shape", None)
        if known is not None:
            return super().propagate_mask(known)
        if shape is None and not self.size:
            raise TypeError("Bind the shape of the images by of_images(shape).")
        height, width = (self.size, self.size) if shape is None or self.size else shape[:2]
        return self._inside((height, width), tf.float32)

    def observation_mask(self, y: tf.Tensor) -> tf.Tensor:
        """Returns 1 for observed pixels, [B or 1, h, w, 1]."""
        return tf.cast(self._inside(y.shape[1:3], y.dtype), y.dtype)

    def fill_unobserved(self, y: tf.Tensor) -> tf.Tensor:
        """Returns y with 0 where it is not observed."""
        y = tf.convert_to_tensor(y)
        return tf.where(self._inside(y.shape[1:3], y.dtype), y, tf.zeros_like(y))


def _in_square(rows: tf.Tensor, columns: tf.Tensor, angle: tf.Tensor) -> tuple[Any, Any]:
    """Returns R(a)^T (rows, columns)."""
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return cosine * rows - sine * columns, sine * rows + cosine * columns


def _block_means(x: tf.Tensor, block: int) -> tf.Tensor:
    if block == 1:
        return x
    _, height, width, channels = x.shape
    shape = [-1, height // block, block, width // block, block, channels]
    return tf.reduce_mean(tf.reshape(x, shape), axis=[2, 4])


def _bilinear(x: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Returns the values [B, N, C] of images at places [B or 1, N, 2]; 1/2 is the first pixel."""
    # The four neighbours lie side by side, so that one gather reads them.
    _, height, width, channels = x.shape
    below = tf.concat([x[:, 1:], x[:, -1:]], axis=1)
    pairs = tf.concat([x, below], axis=-1)
    patches = tf.concat([pairs, tf.concat([pairs[:, :, 1:], pairs[:, :, -1:]], axis=2)], axis=-1)
    patches = tf.reshape(patches, [-1, height * width, 4 * channels])
    limits = tf.constant([max(height - 2, 0), max(width - 2, 0)], x.dtype)
    places = places - 0.5
    whole = tf.stop_gradient(tf.clip_by_value(tf.floor(places), 0.0, limits))
    part = tf.clip_by_value(places - whole, 0.0, 1.0)
    indices = tf.cast(whole[..., 0], tf.int32) * width + tf.cast(whole[..., 1], tf.int32)
    indices = tf.broadcast_to(indices, [tf.shape(x)[0], indices.shape[1]])
    corners = tf.gather(patches, indices, batch_dims=1)
    upper_left, lower_left, upper_right, lower_right = tf.split(corners, 4, axis=-1)
    down, right = part[..., :1], part[..., 1:]
    left_side = upper_left + down * (lower_left - upper_left)
    right_side = upper_right + down * (lower_right - upper_right)
    return left_side + right * (right_side - left_side)
