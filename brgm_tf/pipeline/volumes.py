"""`restore_volume`: a volume in, a `VolumeResult` out."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical.volume_files import read_volume
from brgm_tf.io.medical.volumes import Grid, Volume, is_same_place
from brgm_tf.pipeline.batch_result import BatchCheckpoint
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.volume_plan import VolumePlan, correlation_note, plan_volume
from brgm_tf.pipeline.volume_results import result_of
from brgm_tf.reporting.volume_results import VolumeResult

if TYPE_CHECKING:
    from brgm_tf.corruptions.base import Corruption
    from brgm_tf.estimators.restoring.inference import Step


@dataclasses.dataclass(frozen=True, eq=False)
class VolumeOutcome:
    """The end of a restoration.

    Attributes:
        result: The result.
        checkpoint: Checkpoint of a stopped run; None for a complete run.
    """

    result: VolumeResult
    checkpoint: BatchCheckpoint | None = None


def restore_volume(
    volume: Any,
    *,
    corruption: str | Corruption = "none",
    masks: Any = None,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    progress: Callable[[Step], object] | None = None,
    **options: Any,
) -> VolumeResult:
    """Restores all slices of a volume together.

    Args:
        volume: Path of a NIfTI or MGZ file, of a DICOM file of several frames, or of a folder of
            one DICOM series; or an array [S, h, w] of any unit, whose voxels that are not finite
            are missing.
        corruption: A `Corruption`, or text such as 'thick_slices(factor=4) + noise(scale=3)'.
        masks: Missing voxels: path of a volume whose 0 is missing, or bool [S, h, w], True =
            missing; None for none.
        spacing: Millimetres between slices, rows and columns of an array.
        progress: Function that receives a `Step` after every chunk of steps; True stops.
        **options: Other fields of `Config`, such as generator="brain-128", plane="coronal",
            correlation_length=10 and num_steps=100.

    Returns:
        A `VolumeResult`, with `save(folder)`.

    Raises:
        InputError: An option or the volume cannot be used.

    Example:
        >>> import brgm_tf
        >>> brgm_tf.restore_volume("none.nii.gz")
        Traceback (most recent call last):
        brgm_tf.core.errors.InputError: `input` ...
    """
    config = Config(corruption=corruption, volume=True, **options)
    loaded = load_volume(volume, config, spacing=spacing)
    plan = plan_volume(loaded, config, missing=load_missing_voxels(masks, loaded, config))
    return restore_plan(plan, config, progress=progress, notify=_warn_of_event).result


def _warn_of_event(note: str) -> None:
    if note.startswith("warning: "):
        warnings.warn(note.removeprefix("warning: "), stacklevel=3)


def load_volume(
    volume: Any, config: Config, *, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Volume:
    """Returns the volume of a path or of an array; see `restore_volume`.

    Raises:
        InputError: There is no volume.
    """
    if not hasattr(volume, "__array__"):
        return read_volume(volume, plane=config.plane, volume_index=config.volume_index)
    values = np.asarray(volume)
    if values.ndim != 3 or values.dtype.kind not in "iuf" or not values.size:
        raise InputError(
            "volume", "must be real numbers [S, h, w]", shape=values.shape, dtype=str(values.dtype)
        )
    # Slices run to the head, and pictures run against the indices of their axes.
    stored = np.transpose(values[:, ::-1, ::-1], (2, 1, 0)).astype(np.float32)
    through, down, right = spacing
    affine = np.diag([right, down, through, 1.0])
    dtype = values.dtype if values.dtype.kind in "iu" else np.dtype("float32")
    return Volume("volume", Grid(stored, affine, dtype))


def load_missing_voxels(masks: Any, volume: Volume, config: Config) -> np.ndarray | None:
    """Returns missing voxels [S, h, w] of a path or of an array; None without masks.

    Raises:
        InputError: The mask has another place or shape than the volume.
    """
    if masks is None:
        return None
    shape = volume.values.shape
    if isinstance(masks, str | Path):
        try:
            mask = read_volume(masks, plane=config.plane)
        except InputError as error:
            raise error.of("masks") from None
        if not is_same_place(volume, mask):
            raise InputError(
                "masks",
                f"must have the geometry of {volume.name}",
                remedy="Resample the mask to the volume",
                shape=mask.values.shape,
                expected_shape=shape,
            )
        return mask.values == 0
    missing = np.asarray(masks)
    if missing.dtype != bool or missing.shape != shape:
        raise InputError(
            "masks",
            f"must be bool {list(shape)}, True = missing",
            dtype=str(missing.dtype),
            shape=missing.shape,
        )
    return missing


def restore_plan(
    plan: VolumePlan,
    config: Config,
    *,
    progress: Callable[[Step], object] | None = None,
    notify: Callable[[str], object] | None = None,
    checkpoint: BatchCheckpoint | None = None,
) -> VolumeOutcome:
    """Restores a planned volume.

    Args:
        plan: The plan.
        config: Configuration.
        progress: Function that receives a `Step` after every chunk of steps; True stops.
        notify: Function that receives a line of text for each event.
        checkpoint: Checkpoint of an earlier run of the same plan.

    Raises:
        InputError: Weights cannot be read.
        NotFiniteError: A term is not finite.
    """
    from brgm_tf.estimators.restoring.inference import infer, step_reporter
    from brgm_tf.estimators.restoring.measurement import Measurement
    from brgm_tf.estimators.table import ESTIMATORS

    start = time.monotonic()
    posterior = _posterior_of(plan, config, notify=notify)
    if notify is not None:
        notify(correlation_note(plan, posterior.correlations, length=config.correlation_length))
    estimator = ESTIMATORS.row(config.estimator).load()(
        num_steps=config.num_steps, seed=config.seed
    )
    y = plan.measurement[list(plan.measured)]
    values = np.asarray(posterior.corruption.with_data(**plan.data).fill_unobserved(y))
    names, callbacks = (plan.volume.name,), []
    if progress is not None:
        callbacks.append(step_reporter(progress, names=names, num_steps=config.num_steps))
    estimate = infer(
        estimator.bind(posterior),
        Measurement(names, values[None], plan.data),
        num_steps=config.num_steps,
        callbacks=callbacks,
        checkpoint=checkpoint.state if checkpoint else None,
        history=checkpoint.history if checkpoint else None,
    )
    result = result_of(plan, posterior, estimate, values, seconds=time.monotonic() - start)
    if not estimate.checkpoint:
        return VolumeOutcome(result)
    return VolumeOutcome(result, BatchCheckpoint(names, estimate.checkpoint, estimate.losses))


def _posterior_of(plan: VolumePlan, config: Config, *, notify: Any) -> Any:
    from brgm_tf.generators.loading import load_generator
    from brgm_tf.perceptual.loading import load_perceptual
    from brgm_tf.pipeline.objective import resolve_objective
    from brgm_tf.posterior.slice_chain import correlations_of
    from brgm_tf.posterior.volume import SLICES_AT_ONCE, VolumePosterior

    objective, perceptual = resolve_objective(config), None
    if objective.perceptual_scale > 0:
        perceptual = load_perceptual(config.perceptual, progress=notify)
    return VolumePosterior(
        load_generator(config.generator, progress=notify),
        plan.chain,
        correlations=correlations_of(plan.positions, length=config.correlation_length),
        objective=objective,
        perceptual=perceptual,
        class_label=config.class_label,
        indices=plan.restored,
        slices_at_once=config.batch_size if config.batch_size > 1 else SLICES_AT_ONCE,
    )
