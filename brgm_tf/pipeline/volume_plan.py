"""Plans the restoration of a volume: grids, missing voxels, empty slices, the chain of corruptions.

Notation: the *input* is the volume of the file, [N, h, w]; y [S', h, w, 1] its measurement; the
*target* is the volume without the damage on the grid of the file, [S, H, W, 1]; x the generator's
volume, [S, R, R, 1]. For a damaged input, y is the input, and thick slices or a lower resolution
make the target larger. For a clean input, the target is the input, and y is simulated.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.base import Chain, Corruption
from brgm_tf.corruptions.identity import Identity
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.resolution.regrid import Regrid
from brgm_tf.corruptions.traits import create_corruption
from brgm_tf.generators.loading import describe_generator
from brgm_tf.io.medical.volumes import Volume
from brgm_tf.io.medical.window import Window, estimate_window
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.volume_grid import TargetGrid, target_grid

_ROUNDING = 1e-3  # of a side
_CONSTANT = 1e-6  # spread of the values of an empty slice, in units of [-1, 1]


@dataclasses.dataclass(frozen=True, eq=False)
class VolumePlan:
    """A volume with everything that its restoration needs.

    Attributes:
        volume: Volume of the file.
        window: Values that are black and white.
        target: Grid of the target.
        base: Values [S, H, W] of the file on the grid of the target, in the unit of the file.
        truth: Target [S, H, W] in [-1, 1], NaN where it is unknown; None for a damaged input.
        measurement: y [S', h, w, 1] in [-1, 1], of all slices.
        data: Arrays of the corruption by name, for the restored slices.
        restored: Indices of the slices of the target that are restored.
        measured: Indices of the slices of y that they are restored from.
        corruption: Corruption of the target, for the restored slices only if it is bound.
        chain: Corruption of the generator's volume: the grid of the file, then `corruption`.
        regrid: The grid of the file; None if it is the generator's grid.
    """

    volume: Volume
    window: Window
    target: TargetGrid
    base: np.ndarray
    truth: np.ndarray | None
    measurement: np.ndarray
    data: dict[str, np.ndarray]
    restored: tuple[int, ...]
    measured: tuple[int, ...]
    corruption: Corruption
    chain: Corruption
    regrid: Regrid | None

    @property
    def num_empty(self) -> int:
        """Number of slices of the target that come back unchanged."""
        return self.target.shape[0] - len(self.restored)

    @property
    def positions(self) -> np.ndarray:
        """Positions of the restored slices in millimetres."""
        return np.asarray(self.restored) * self.target.spacing[0]

    def bound_corruption(self) -> Corruption:
        """Returns the corruption of the restored slices of the target, with its data."""
        shape = (len(self.restored), *self.target.shape[1:], 1)
        bound = self.corruption.of_volume(shape, indices=self.restored)
        return bound.with_data(**self.data)


def plan_volume(volume: Volume, config: Config, *, missing: np.ndarray | None = None) -> VolumePlan:
    """Returns the plan of a volume.

    Args:
        volume: Volume of the file.
        config: Configuration.
        missing: bool [N, h, w], True = missing voxels of the input, in addition to voxels that are
            not finite; None for no others.

    Raises:
        InputError: The volume, the generator and the corruption do not fit to each other.
    """
    row = describe_generator(config.generator)
    if row.channels != 1:
        raise InputError("generator", "must make grey images for a volume", channels=row.channels)
    values = volume.values
    unknown = ~np.isfinite(values) if missing is None else ~np.isfinite(values) | missing
    corruption = create_corruption(config.corruption)
    is_clean = config.input_kind == "clean"
    corruption = _with_mask(corruption, unknown, is_clean=is_clean, is_given=missing is not None)
    window = _window_of(volume, config)
    image = window.to_image(np.where(np.isfinite(values), values, window.low))[..., None]
    target = target_grid(image.shape, volume.spacing, corruption, is_clean=is_clean)
    masks = _masks(corruption, unknown, target)
    if is_clean:
        target_image = image[target.nearest_slices(len(image))]
        measurement = _simulated(corruption, target_image, masks, seed=config.seed)
        truth = np.where(np.isfinite(values), image[..., 0], np.nan)
    else:
        measurement, truth = image, None
    restored, measured = _slices_to_restore(image, corruption, masks, target, is_clean=is_clean)
    regrid = _regrid(target, row.resolution, config.field_of_view)
    stages = [regrid] if regrid is not None else []
    stages += getattr(corruption, "stages", [corruption])
    return VolumePlan(
        volume=volume,
        window=window,
        target=target,
        base=target.nearest(values),
        truth=truth,
        measurement=measurement,
        data=_of_slices(masks, restored, measured, target),
        restored=restored,
        measured=measured,
        corruption=corruption,
        chain=Chain(stages) if len(stages) > 1 else stages[0],
        regrid=regrid,
    )


def _window_of(volume: Volume, config: Config) -> Window:
    explicit = config.slicing.explicit_window
    if explicit is not None:
        return explicit
    if volume.grid.window is not None:
        return Window(*volume.grid.window)
    values = volume.values
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise InputError("input", f"{volume.name} must hold finite numbers")
    return estimate_window(finite, name=volume.name)


def _with_mask(
    corruption: Corruption, unknown: np.ndarray, *, is_clean: bool, is_given: bool
) -> Corruption:
    """Returns the corruption with a stage for missing voxels, if it needs one."""
    has_mask = "missing" in corruption.data_names
    if has_mask and not unknown.any():
        raise InputError("masks", "must be given, because the corruption has a mask")
    if is_given and not has_mask and is_clean:
        raise InputError("masks", "must be given with mask() only, for a clean volume")
    if has_mask or is_clean or not unknown.any():
        return corruption
    stages = list(getattr(corruption, "stages", [corruption]))
    at = len(stages) - 1 if stages[-1].adds_noise else len(stages)
    stages = [s for s in [*stages[:at], Mask(fill=-1.0), *stages[at:]] if not _is_identity(s)]
    return Chain(stages) if len(stages) > 1 else stages[0]


def _is_identity(stage: Corruption) -> bool:
    return isinstance(stage, Identity)


def _masks(
    corruption: Corruption, unknown: np.ndarray, target: TargetGrid
) -> dict[str, np.ndarray]:
    """Returns the arrays of the corruption for all slices, [S or S', H, W, 1].

    Raises:
        InputError: The mask of the input is not on the grid of the stage that takes the mask.
    """
    if "missing" not in corruption.data_names:
        return {}
    shape = target.shape[1:]
    expected = (
        corruption.num_data_slices(target.shape[0]),
        *corruption.data_shape((*shape, 1))[:2],
    )
    if target.input_ratio == 1 and expected[0] > len(unknown):
        unknown = unknown[target.nearest_slices(len(unknown))]
    if unknown.shape != expected:
        raise InputError(
            "masks",
            "must be on the grid that mask() acts on",
            remedy="Write mask() after the stages that change the size of the volume",
            shape=unknown.shape,
            expected_shape=expected,
        )
    return {"missing": unknown[..., None]}


def _simulated(
    corruption: Corruption, image: np.ndarray, masks: dict[str, np.ndarray], *, seed: int
) -> np.ndarray:
    """Returns the measurement of a volume; the noise of slice s has the seed (seed, s)."""
    bound = corruption.of_volume(image.shape).with_data(**masks)
    seeds = np.array([[seed, s] for s in range(len(image))], np.int32)
    return np.asarray(bound.sample(image, seeds))


def _slices_to_restore(
    image: np.ndarray,
    corruption: Corruption,
    masks: dict[str, np.ndarray],
    target: TargetGrid,
    *,
    is_clean: bool,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the indices of restored slices of the target, and of the measured slices.

    A slice of one value, such as air above the head, is empty. A slice without any observed voxel
    is restored if it lies beside a slice that is restored. A corruption that needs a volume keeps
    all slices between the first and the last one.
    """
    seen = np.ones(image.shape, bool)
    if not is_clean:
        bound = corruption.of_volume((*target.shape, 1)).with_data(**masks)
        seen = np.broadcast_to(np.asarray(bound.observation_mask(image)) > 0, image.shape)
    unseen = np.asarray(~seen.any(axis=(1, 2, 3)))
    is_empty = np.asarray(_is_empty(image, seen) & ~unseen)
    filled = np.flatnonzero(~(is_empty | unseen))
    if not len(filled):
        raise InputError("input", "must have a slice whose values differ")
    first, last = int(filled[0]), int(filled[-1])
    while first > 0 and unseen[first - 1]:
        first -= 1
    while last + 1 < len(image) and unseen[last + 1]:
        last += 1
    chosen = [s for s in range(first, last + 1) if corruption.needs_volume or not is_empty[s]]
    ratio = target.ratio
    measured = sorted({s // ratio for s in chosen}) if is_clean else chosen
    restored = [ratio * s + offset for s in measured for offset in range(ratio)]
    return tuple(restored), tuple(measured)


def _is_empty(image: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Returns whether the observed values of each slice are equal, bool [S']."""
    axes = (1, 2, 3)
    high = np.where(seen, image, -np.inf).max(axis=axes)
    low = np.where(seen, image, np.inf).min(axis=axes)
    return high - low <= _CONSTANT


def _of_slices(
    masks: dict[str, np.ndarray],
    restored: Sequence[int],
    measured: Sequence[int],
    target: TargetGrid,
) -> dict[str, np.ndarray]:
    """Returns the arrays of the slices that are restored, or measured."""
    return {
        name: array[list(restored if len(array) == target.shape[0] else measured)]
        for name, array in masks.items()
    }


def _regrid(target: TargetGrid, resolution: int, field_of_view: float | None) -> Regrid | None:
    """Returns the grid of the target; None if it is the generator's grid."""
    _, height, width = target.shape
    _, down, right = target.spacing
    side = field_of_view or max(height * down, width * right)
    sides = (height * down, width * right)
    fits = all(math.isclose(length, side, rel_tol=_ROUNDING) for length in sides)
    if height == width == resolution and fits:
        return None
    return Regrid(
        height=height, width=width, row_spacing=down, column_spacing=right, field_of_view=side
    )


def correlation_note(plan: VolumePlan, correlations: Any, *, length: float) -> str:
    """Returns a line of text about the slices and their correlation."""
    count, spacing = len(plan.restored), plan.target.spacing[0]
    parts = [f"{count} slices at {spacing:.3g} mm"]
    if length > 0 and len(correlations):
        parts.append(
            f"correlation {float(np.max(correlations)):.3f} of neighbours "
            f"(correlation_length {length:g} mm)"
        )
    else:
        parts.append("each alone")
    if plan.num_empty:
        parts.append(f"{plan.num_empty} empty slices stay unchanged")
    return ", ".join(parts)
