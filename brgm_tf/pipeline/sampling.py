"""Posterior samples of a batch, from the estimators that draw samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.inference import Estimate
from brgm_tf.pipeline.measurement import Measurement
from brgm_tf.pipeline.model import Model
from brgm_tf.pipeline.rendering import ObservationInfo
from brgm_tf.reporting import posterior_summary
from brgm_tf.reporting.results import PosteriorSamples


def sample_posterior(
    model: Model,
    estimate: Estimate,
    measurement: Measurement,
    observation: ObservationInfo,
    *,
    render: Callable,
    config: Config,
) -> tuple[list[PosteriorSamples] | None, dict[str, np.ndarray]]:
    """Draws posterior samples, and returns them with their metrics, each [B].

    Args:
        model: the model.
        estimate: the end of the estimator's run.
        measurement: the batch.
        observation: observed values and missing pixels.
        render: the model's `rendering.renderer`.
        config: the configuration.

    Returns:
        The samples of each image, and metrics by name; None and {} if the estimator draws none.
    """
    fit = model.estimator.fit(estimate.state)
    if fit is None:
        return None, {}
    draws, parameters = posterior_summary.draw_samples(
        model.estimator,
        fit,
        render=lambda ws, drawn: render(ws, measurement.values, measurement.data, drawn),
        num_samples=config.num_samples,
        seed=config.seed,
        dispersion_factor=config.dispersion_factor,
    )
    discrepancy = model_discrepancy(model, parameters, config=config)
    options: dict[str, Any] = {
        "model_discrepancy_stddev": discrepancy,
        "missing": observation.missing,
    }
    metrics = posterior_summary.sample_metrics(
        draws,
        parameters,
        measurement.values,
        observed=observation.observed,
        truth=measurement.truth,
        **options,
    )
    samples = posterior_summary.summarise(draws, num_samples=config.num_samples, **options)
    return samples, metrics | model.estimator.diagnostics(fit)


def model_discrepancy(
    model: Model, parameters: Mapping[str, np.ndarray], *, config: Config
) -> np.ndarray | float:
    """Returns the standard deviation of the generator's error in grey levels, [B] or a number.

    An inferred noise scale of a measurement without noise is mostly this error: the generator
    misses the unobserved pixels by as much as the observed pixels.

    Args:
        model: the model.
        parameters: posterior draws [S, B] of the parameters by name.
        config: the configuration, whose value holds if it has one.
    """
    if config.model_discrepancy_stddev is not None:
        return config.model_discrepancy_stddev
    infers_noise = "noise_scale" in model.posterior.prior.parameter_priors
    if not infers_noise or model.corruption.adds_noise:
        return 0.0
    return parameters["noise_scale"].mean(axis=0, dtype=np.float64)
