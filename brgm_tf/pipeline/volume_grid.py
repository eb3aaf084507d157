"""The grid of the volume without damage, in the space of the file."""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.base import Corruption

_LARGEST_RATIO = 64


@dataclasses.dataclass(frozen=True)
class TargetGrid:
    """A grid of slices with the extent of a file.

    Attributes:
        shape: (S, H, W).
        spacing: Millimetres between slices, rows and columns.
        ratio: Number of slices for each measured slice.
        input_ratio: Number of slices for each slice of the file.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    ratio: int = 1
    input_ratio: int = 1

    def nearest_slices(self, count: int) -> np.ndarray:
        """Returns the index of the slice of `count` slices at the place of each slice [S].

        Slices beyond the last one have the index of the last one.
        """
        return np.minimum(np.arange(self.shape[0]) // self.input_ratio, count - 1)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Returns values [N, h, w] at the voxels of the grid, [S, H, W]."""
        height, width = values.shape[1:]
        rows = np.arange(self.shape[1]) * height // self.shape[1]
        columns = np.arange(self.shape[2]) * width // self.shape[2]
        return values[self.nearest_slices(len(values))][:, rows][:, :, columns]


def target_grid(
    image_shape: tuple[int, ...],
    spacing: tuple[float, float, float],
    corruption: Corruption,
    *,
    is_clean: bool,
) -> TargetGrid:
    """Returns the grid of the target of an input.

    A clean input is its target, with copies of its last slice if the corruption needs more slices.

    Args:
        image_shape: Shape (N, h, w, 1) of the input.
        spacing: Millimetres between slices, rows and columns of the input.
        corruption: Corruption of the target.
        is_clean: Whether the input is the target.

    Raises:
        InputError: No target has a measurement of the shape of the input.
    """
    count, height, width = image_shape[:3]
    if is_clean:
        for more in range(_LARGEST_RATIO):
            if _measured(corruption, count + more) is not None:
                measured = corruption.num_measured_slices(count + more)
                corruption.measurement_shape((height, width, 1))
                ratio = (count + more) // measured
                return TargetGrid((count + more, height, width), spacing, ratio)
    factor = _in_plane_factor(corruption, (height, width))
    for ratio in range(1, _LARGEST_RATIO + 1):
        if _measured(corruption, count * ratio) == count:
            shape = count * ratio, round(height * factor), round(width * factor)
            through, down, right = spacing
            return TargetGrid(shape, (through / ratio, down / factor, right / factor), ratio, ratio)
    corruption.num_measured_slices(count)  # raises the error of the corruption
    raise InputError("corruption", "must measure as many slices as the volume has", slices=count)


def _measured(corruption: Corruption, count: int) -> int | None:
    try:
        return corruption.num_measured_slices(count)
    except InputError:
        return None


def _in_plane_factor(corruption: Corruption, size: tuple[int, int]) -> float:
    """Returns the ratio of the pixels of the target to the measured ones, along a side."""
    stages = getattr(corruption, "stages", (corruption,))
    factor = 1.0
    for stage in stages:
        factor *= 1.0 if stage.needs_volume else getattr(stage, "factor", 1.0)
    shape = round(size[0] * factor), round(size[1] * factor), 1
    if corruption.measurement_shape(shape)[:2] != size:
        raise InputError(
            "input",
            "must have the rows and columns that the corruption measures",
            shape=size,
            measured_shape=corruption.measurement_shape(shape)[:2],
        )
    return factor
