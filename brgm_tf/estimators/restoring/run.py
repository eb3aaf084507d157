"""Restores arrays with an estimator, without files and without a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import warn_of_unit_range
from brgm_tf.estimators.restoring.batch import BatchRestorer
from brgm_tf.estimators.restoring.inference import Step, step_reporter
from brgm_tf.estimators.restoring.measurement import Measurement
from brgm_tf.estimators.restoring.sampling import SampleOptions
from brgm_tf.reporting.results import Restoration

_LARGEST = 10.0


def run_on_arrays(
    estimator,
    posterior,
    measurement,
    *,
    data: Mapping[str, Any],
    num_samples: int,
    progress: Callable[[Step], object] | None,
) -> Restoration:
    """Returns the results of an estimator on a measurement; see `Estimator.run`."""
    values, arrays = _batch_of(measurement, data, corruption=posterior.corruption)
    sampling = SampleOptions(num_samples=num_samples, seed=estimator.seed)
    key = estimator, sampling
    if key not in posterior.programs:
        posterior.programs[key] = BatchRestorer(posterior, estimator, sampling=sampling)
    names = tuple(f"image_{i}" for i in range(len(values)))
    callbacks = []
    if progress is not None:
        callbacks.append(step_reporter(progress, names=names, num_steps=estimator.total_steps))
    batch = Measurement(names, values, arrays)
    images, _ = posterior.programs[key](batch, callbacks=callbacks)
    return Restoration(images)


def _batch_of(measurement, data: Mapping[str, Any], *, corruption):
    """Returns a measurement [B, h, w, c] whose unobserved values are filled, and its data."""
    values = np.asarray(measurement)
    if values.ndim not in (3, 4):
        raise InputError(
            "measurement",
            "must be an array [h, w, c] or [B, h, w, c]",
            shape=values.shape,
        )
    _check_unit(values)
    if set(data) != set(corruption.data_names):
        raise InputError(
            "data",
            f"must name the arrays of the corruption: {', '.join(corruption.data_names) or 'none'}",
            names=sorted(data),
        )
    dtype = "complex64" if np.iscomplexobj(values) else "float32"
    arrays = {name: np.asarray(array) for name, array in data.items()}
    if values.ndim == 3:
        values, arrays = values[None], {name: array[None] for name, array in arrays.items()}
    filled = corruption.with_data(**arrays).fill_unobserved(values.astype(dtype))
    return np.asarray(filled), arrays


def _check_unit(values: np.ndarray) -> None:
    """Checks that a measurement is not in grey levels, and warns if black is not -1."""
    if np.iscomplexobj(values):
        return
    # Noise exceeds [-1, 1], but not by that much.
    if values.dtype.kind != "f" or not np.abs(values).max() <= _LARGEST:
        raise InputError(
            "measurement",
            "must hold floats in [-1, 1], apart from noise",
            remedy="Write levels / 127.5 - 1 for grey levels",
            dtype=str(values.dtype),
            low=float(values.min()),
            high=float(values.max()),
        )
    # The user calls `Estimator.run`, three calls up.
    warn_of_unit_range(values, argument="measurement", stacklevel=6)
