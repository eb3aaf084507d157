"""Thick slices: each measured slice is a mean over several slices of the volume.

Notation: x [S, H, W, C] the slices of a volume; y [S / f, H, W, C] the measured slices; f the
distance of two measured slices and g the gap between them, in slices of x; t = f - g the thickness
of a measured slice; c_j = (j + 1/2) f - 1/2 its centre.

    y_j = sum over s of P[j, s] x_s,   the rows of P sum to 1

    box:       P[j, s] ~ length of [s - 1/2, s + 1/2) in [c_j - t/2, c_j + t/2)
    gaussian:  P[j, s] ~ exp(-4 log(2) (s - c_j)^2 / t^2), whose full width at half maximum is t
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import number, one_of, positive_int
from brgm_tf.corruptions.base import Corruption

_NEGLIGIBLE = 0.01  # of the largest weight of a slice


@dataclasses.dataclass(frozen=True, repr=False)
class ThickSlices(Corruption):
    """Thick slices with gaps, as of clinical two-dimensional scans; see the module.

    The batch axis is the third axis of one volume. A volume of a single slice stands for equal
    slices, so the measurement has the same slice.

    Args:
        factor: f, number of slices of the volume for each measured slice.
        gap: g in [0, f), distance between measured slices that no slice covers, in slices of the
            volume, default 0.
        profile: 'box' (default) or 'gaussian', the profile of a measured slice.

    Raises:
        InputError: A parameter is not in its range.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import ThickSlices
        >>> volume = np.linspace(-1, 1, 8).reshape(8, 1, 1, 1)
        >>> ThickSlices(factor=4).simulate(volume).ravel().round(3).tolist()
        [-0.571, 0.571]
    """

    factor: int = parameter(
        positive_int, "Number of slices of the volume for each measured slice", typical=(1, 8, 4)
    )
    gap: float = parameter(
        number(0, 1000),
        "Distance between measured slices that no slice covers, in slices of the volume",
        default=0.0,
        typical=(0.0, 4.0, 0.0),
    )
    profile: str = parameter(
        one_of("box", "gaussian"), "Profile of a measured slice", default="box"
    )

    needs_volume = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gap >= self.factor:
            raise InputError("gap", "must be below the factor", gap=self.gap, factor=self.factor)

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), [S / factor, H, W, C]."""
        x = tf.convert_to_tensor(x)
        if x.shape[0] == 1:
            return x
        matrix = self._matrix(self.num_measured_slices(x.shape[0]))
        return _along_slices(tf.constant(matrix, x.dtype), x)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns P^T y, [S, H, W, C]."""
        y = tf.convert_to_tensor(y)
        return _along_slices(tf.constant(self._matrix(y.shape[0]).T, y.dtype), y)

    def num_measured_slices(self, num_slices: int) -> int:
        """Returns S / factor.

        Raises:
            InputError: The factor does not divide S.
        """
        if num_slices % self.factor:
            raise InputError(
                "corruption",
                f"thick_slices needs a factor that divides the {num_slices} slices of the volume",
                remedy="Choose another factor or fewer slices",
                factor=self.factor,
            )
        return num_slices // self.factor

    def measured_indices(self, indices: Sequence[int]) -> list[int]:
        """Returns the indices in the scan of the measured slices."""
        return [index // self.factor for index in indices[:: self.factor]]

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor | None:
        """Returns True if every slice with a weight other than 0 is known."""
        if known is None or known.shape[0] == 1:
            return known
        return tf.equal(self.forward(tf.cast(~known, tf.float32)), 0)

    def _matrix(self, num_measured: int) -> np.ndarray:
        return profile_matrix(
            num_measured, factor=self.factor, thickness=self.factor - self.gap, profile=self.profile
        )


@functools.lru_cache(maxsize=8)
def profile_matrix(num_measured: int, *, factor: int, thickness: float, profile: str) -> np.ndarray:
    """Returns P [num_measured, num_measured factor], float64, read-only.

    Args:
        num_measured: Number of measured slices.
        factor: f.
        thickness: t, in slices of the volume.
        profile: 'box' or 'gaussian'.

    Example:
        >>> profile_matrix(2, factor=3, thickness=2.0, profile="box").tolist()
        [[0.25, 0.5, 0.25, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.25, 0.5, 0.25]]
    """
    slices = np.arange(num_measured * factor)
    centres = (np.arange(num_measured)[:, None] + 0.5) * factor - 0.5
    if profile == "box":
        high = np.minimum(slices + 0.5, centres + thickness / 2)
        low = np.maximum(slices - 0.5, centres - thickness / 2)
        weights = np.maximum(high - low, 0.0)
    else:
        exponents = -4.0 * math.log(2.0) * np.square((slices - centres) / thickness)
        # Relative to the nearest slice, so that a thin profile does not vanish between slices.
        weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
        weights = np.where(weights >= _NEGLIGIBLE, weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    weights.flags.writeable = False  # the cache shares it
    return weights


def _along_slices(matrix: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    flat = tf.reshape(x, [x.shape[0], math.prod(x.shape[1:])])
    return tf.reshape(matrix @ flat, [matrix.shape[0], *x.shape[1:]])
