"""Posterior samples of a batch, from the estimators that draw samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brgm_tf.estimators.restoring.inference import Estimate
from brgm_tf.estimators.restoring.measurement import Measurement
from brgm_tf.estimators.restoring.rendering import ObservationInfo
from brgm_tf.reporting import posterior_summary
from brgm_tf.reporting.results import PosteriorSamples


@dataclasses.dataclass(frozen=True)
class SampleOptions:
    """Options of the posterior samples.

    Attributes:
        num_samples: number of samples that a result keeps.
        seed: seed of the samples.
        dispersion_factor: factor on the distance of the samples from their mean.
        model_discrepancy_stddev: standard deviation of the generator's error in grey levels. None
            uses the noise scale if that is inferred, else 0.
    """

    num_samples: int = 8
    seed: int = 0
    dispersion_factor: float = 1.0
    model_discrepancy_stddev: float | None = None


def sample_posterior(
    program,
    estimate: Estimate,
    measurement: Measurement,
    observation: ObservationInfo,
    *,
    posterior,
    render: Callable,
    composite: Callable,
    options: SampleOptions,
) -> tuple[list[PosteriorSamples] | None, dict[str, np.ndarray]]:
    """Draws posterior samples, and returns them with their metrics, each [B].

    Args:
        program: the estimator's program for the posterior.
        estimate: the end of the estimator's run.
        measurement: the batch.
        observation: observed values and missing pixels.
        posterior: the `Posterior`.
        render: the function of `rendering.renderer`.
        composite: samples [S, B, H, W, C] -> the same blended into the observed pixels, or None.
        options: the options.

    Returns:
        The samples of each image or None, and metrics by name.
    """
    approximation = estimate.progress.approximation
    if approximation is None:
        return None, {}
    draws, parameters = posterior_summary.draw_samples(
        program,
        approximation,
        render=lambda ws, drawn: render(ws, measurement.data, drawn, estimate.deviations),
        num_samples=options.num_samples,
        seed=options.seed,
        dispersion_factor=options.dispersion_factor,
    )
    draws.append(composite(draws[1]))
    summary_options: dict[str, Any] = {
        "model_discrepancy_stddev": _model_discrepancy(posterior, parameters, options),
        "missing": observation.missing,
    }
    observed: dict[str, Any] = {"observed": observation.observed, "truth": measurement.truth}
    metrics = posterior_summary.sample_metrics(
        draws, parameters, measurement.values, **observed, **summary_options
    )
    samples = posterior_summary.summarise(draws, num_samples=options.num_samples, **summary_options)
    return samples, metrics | program.diagnostics(approximation)


def _model_discrepancy(
    posterior, parameters: Mapping[str, np.ndarray], options: SampleOptions
) -> np.ndarray | float:
    """Returns the standard deviation of the generator's error in grey levels, [B] or a number.

    An inferred noise scale of a measurement without noise is mostly this error: the generator
    misses the unobserved pixels by as much as the observed pixels.
    """
    if options.model_discrepancy_stddev is not None:
        return options.model_discrepancy_stddev
    if "noise_scale" not in posterior.parameter_priors or posterior.corruption.adds_noise:
        return 0.0
    return parameters["noise_scale"].mean(axis=0, dtype=np.float64)
