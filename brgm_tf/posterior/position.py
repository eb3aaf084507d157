"""The position that optimizers and samplers move: whitened latents and parameters in one array.

Notation: B images; v [B, V, D] whitened latents; z [B, P] standard normal parameters; N = V D + P.
A position [B, K, D] holds v in its first V rows and z, padded with zeros, in the others.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class PositionLayout:
    """Packs whitened latents and parameters into a position, and unpacks them.

    Args:
        num_latent_vectors: V.
        width: D.
        num_parameters: P.

    Example:
        >>> layout = PositionLayout(num_latent_vectors=3, width=4, num_parameters=2)
        >>> layout.event_size, layout.shape(1)
        (14, (1, 4, 4))
    """

    num_latent_vectors: int
    width: int
    num_parameters: int

    @property
    def event_size(self) -> int:
        """N, number of coordinates of an image without the padding."""
        return self.num_latent_vectors * self.width + self.num_parameters

    def shape(self, num_images: int) -> tuple[int, int, int]:
        """Returns (B, K, D)."""
        return num_images, math.ceil(self.event_size / self.width), self.width

    def initial_position(self, num_images: int) -> np.ndarray:
        """Returns the position [B, K, D] of the mean latent and of the parameters' medians."""
        return np.zeros(self.shape(num_images))

    def pack(self, whitened_latents: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        """Returns the position [B, K, D] of arrays v [B, V, D] and z [B, P]."""
        position = self.initial_position(len(whitened_latents))
        position[:, : self.num_latent_vectors] = whitened_latents
        for i, z in enumerate(parameters.T):
            row, column = divmod(i, self.width)
            position[:, self.num_latent_vectors + row, column] = z
        return position

    def whitened_latents(self, position):
        """Returns v [B, V, D] of a position."""
        return position[:, : self.num_latent_vectors] if self.num_parameters else position

    def parameters(self, position):
        """Returns z [B, P] of a position."""
        rows = position[:, self.num_latent_vectors :]
        return tf.reshape(rows, [tf.shape(position)[0], -1])[:, : self.num_parameters]

    def flatten(self, position):
        """Returns a position [B, K, D] as a vector [B, N] without the padding."""
        return tf.reshape(position, [position.shape[0], -1])[:, : self.event_size]

    def unflatten(self, vector):
        """Returns the position [..., K, D] of a vector [..., N]."""
        _, rows, columns = self.shape(1)
        padding = rows * columns - vector.shape[-1]
        if padding:
            vector = tf.pad(vector, [[0, 0]] * (vector.shape.rank - 1) + [[0, padding]])
        return tf.reshape(vector, [*vector.shape[:-1], rows, columns])


@dataclasses.dataclass(frozen=True)
class AdaptedLayout:
    """Packs a position and the deviations of the generator's weights into one array.

    A packed array [B, K + R, D] holds the position in its first K rows, and u [B, E] =
    e / `step_ratio`, padded with zeros, in the others. Adam moves every number of the array by the
    same length, and so e by `step_ratio` times the length of the latents.

    Args:
        num_rows: K.
        width: D.
        num_deviations: E.
        step_ratio: Ratio of the steps of e to the steps of the position.

    Example:
        >>> layout = AdaptedLayout(num_rows=2, width=4, num_deviations=5)
        >>> layout.pack(tf.ones([1, 2, 4]), tf.ones([1, 5])).shape
        TensorShape([1, 4, 4])
    """

    num_rows: int
    width: int
    num_deviations: int
    step_ratio: float = 1.0

    def pack(self, position, deviations):
        """Returns the packed array [B, K + R, D] of a position and deviations e [B, E]."""
        padding = -self.num_deviations % self.width
        rows = tf.pad(deviations / self.step_ratio, [[0, 0], [0, padding]])
        rows = tf.reshape(rows, [position.shape[0], -1, self.width])
        return tf.concat([position, rows], axis=1)

    def position(self, packed):
        """Returns the position [B, K, D] of a packed array."""
        return packed[:, : self.num_rows]

    def deviations(self, packed):
        """Returns the deviations e [B, E] of a packed array."""
        rows = tf.reshape(packed[:, self.num_rows :], [packed.shape[0], -1])
        return rows[:, : self.num_deviations] * self.step_ratio
