"""From the mode of a volume to its result, on the grid of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.volume.thick_slices import ThickSlices
from brgm_tf.evaluation.metrics import residual
from brgm_tf.evaluation.slice_interpolation import interpolate_slices
from brgm_tf.evaluation.volume_metrics import volume_metrics
from brgm_tf.pipeline.volume_plan import VolumePlan
from brgm_tf.reporting.volume_results import VolumeResult

if TYPE_CHECKING:
    from brgm_tf.estimators.restoring.inference import Estimate

# Stages that leave the values of a thick slice at its pixels.
_KEEPING_PIXELS = (ThickSlices, Mask, Noise)


def result_of(
    plan: VolumePlan, posterior: Any, estimate: Estimate, y: np.ndarray, *, seconds: float
) -> VolumeResult:
    """Returns the result of a volume.

    Args:
        plan: The plan.
        posterior: `VolumePosterior`.
        estimate: The end of the estimator's run.
        y: Measurement [S', h, w, c] of the measured slices.
        seconds: Duration of the restoration.
    """
    restored, merged, metrics = _rendered(plan, posterior, estimate, y)
    before, images = plan.window.to_image(np.nan_to_num(plan.base, nan=plan.window.low)), {}
    for name, slices in {"reconstruction": restored, "merged": merged}.items():
        if slices is not None:
            images[name] = _on_target(plan, before, slices[..., 0])
    count = len(plan.base) if plan.truth is None else len(plan.truth)
    if plan.truth is not None:
        before = _as_displayed(plan, y, before)
        shown = images.get("merged", images["reconstruction"])[:count]
        metrics |= volume_metrics(shown, plan.truth)
    history = {name: values[:, 0] for name, values in estimate.history.items()}
    notes = [] if estimate.complete else [_stopped(history)]
    return VolumeResult(
        name=plan.volume.name,
        before=before[:count],
        reconstruction=images["reconstruction"][:count],
        merged=images["merged"][:count] if "merged" in images else None,
        truth=plan.truth,
        values={name: _in_unit(plan, name, image)[:count] for name, image in images.items()},
        spacing=plan.target.spacing,
        volume=plan.volume,
        latents=np.asarray(estimate.latents, np.float32),
        restored=plan.restored,
        history=history,
        metrics=metrics,
        warnings=tuple(notes),
        seconds=seconds,
        complete=estimate.complete,
    )


def _rendered(
    plan: VolumePlan, posterior: Any, estimate: Estimate, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None, dict[str, float]]:
    """Returns the restored slices, the merged slices or None, and metrics of the measurement."""
    volume = np.asarray(posterior.volume(estimate.progress.position), np.float32)
    corruption = posterior.corruption.with_data(**plan.data).with_params(
        **{name: estimate.parameters[name] for name in posterior.corruption.params}
    )
    predicted = np.asarray(corruption.forward(volume))
    restored = volume if plan.regrid is None else np.asarray(plan.regrid.forward(volume))
    observed = np.broadcast_to(np.asarray(corruption.observation_mask(y)) > 0, y.shape)
    metrics = {"residual": float(residual(y[None], predicted[None], observed=observed[None])[0])}
    metrics |= {name: float(value[0]) for name, value in estimate.parameters.items()}
    merged = _merged(plan, restored, y, observed)
    if merged is None and _has_thick_slices_only(plan):
        misfit = np.where(observed, y - predicted, 0.0)
        misfit *= _discrepancy(metrics["residual"], posterior, metrics)
        merged = np.clip(restored + _spread(misfit, count=len(restored)), -1.0, 1.0)
    return restored, merged, metrics


def _stopped(history: dict[str, np.ndarray]) -> str:
    return f"stopped after {len(history['total'])} steps"


def _merged(
    plan: VolumePlan, restored: np.ndarray, y: np.ndarray, observed: np.ndarray
) -> np.ndarray | None:
    """Returns the observed voxels, and the reconstruction blended into the others; or None.

    Slices without an observed voxel have no edge to blend at.
    """
    bound = plan.bound_corruption()
    if not bound.puts_pixels_back:
        return None
    merged = restored.copy()
    partial = np.flatnonzero(observed.any(axis=(1, 2, 3)))
    # Of each slice alone, because a corruption of one slice binds the data of one slice.
    for s in partial:
        if observed[s].all():
            merged[s] = y[s]
            continue
        from brgm_tf.corruptions.masking.membrane import fill_seamlessly

        merged[s] = fill_seamlessly(restored[s : s + 1], y[s : s + 1], known=observed[s : s + 1])[0]
    return merged


def _has_thick_slices_only(plan: VolumePlan) -> bool:
    """Returns whether the measured values are means of voxels along the slices."""
    stages = getattr(plan.corruption, "stages", (plan.corruption,))
    has_thick_slices = any(isinstance(stage, ThickSlices) for stage in stages)
    return has_thick_slices and all(isinstance(stage, _KEEPING_PIXELS) for stage in stages)


def _discrepancy(residual: float, posterior: Any, parameters: Mapping[str, float]) -> float:
    """Returns the fraction of the variance of the misfit that is not noise, in [0, 1].

    An inferred noise scale contains the misfit, so it does not tell the noise.
    """
    if "noise_scale" in posterior.parameter_priors or residual == 0:
        return 1.0
    return max(0.0, 1.0 - (parameters.get("noise_scale", 0.0) / residual) ** 2)


def _spread(misfit: np.ndarray, *, count: int) -> np.ndarray:
    """Returns the misfit of measured slices, interpolated between their centres.

    The generator misses the measured slices by a difference that changes slowly along the slices.
    """
    return interpolate_slices(misfit, factor=count // len(misfit), count=count)


def _on_target(plan: VolumePlan, before: np.ndarray, slices: np.ndarray) -> np.ndarray:
    """Returns the volume with restored slices [n, H, W] in place of those before, in the square."""
    after, indices = before.copy(), list(plan.restored)
    inside = np.ones(slices.shape[1:], bool) if plan.regrid is None else plan.regrid.inside()
    after[indices] = np.where(inside, slices, after[indices])
    return after


def _as_displayed(plan: VolumePlan, y: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Returns the simulated measurement at the nearest voxels of the target."""
    shown = before.copy()
    pictures = np.asarray(plan.bound_corruption().as_image(y))[..., 0]
    rows = np.arange(before.shape[1]) * pictures.shape[1] // before.shape[1]
    columns = np.arange(before.shape[2]) * pictures.shape[2] // before.shape[2]
    ratio = len(plan.restored) // len(pictures)
    nearest = np.repeat(pictures, ratio, axis=0)[:, rows][:, :, columns]
    shown[list(plan.restored)] = np.clip(nearest, -1, 1)
    return shown


def _in_unit(plan: VolumePlan, name: str, image: np.ndarray) -> np.ndarray:
    """Returns a volume in the unit of the file, whose unchanged voxels have their exact values."""
    values = plan.window.to_values(image)
    unchanged = np.ones(image.shape, bool)
    inside = True if plan.regrid is None else plan.regrid.inside()
    unchanged[list(plan.restored)] = ~np.broadcast_to(inside, image.shape[1:])
    bound = plan.bound_corruption()
    if name == "merged" and plan.truth is None and bound.puts_pixels_back:
        y = plan.measurement[list(plan.measured)]
        observed = np.asarray(bound.observation_mask(y)) > 0
        unchanged[list(plan.restored)] |= np.broadcast_to(observed, y.shape)[..., 0]
    return np.where(unchanged, plan.base, values)
