"""Restores images of known truth, and compares the truth with samples of the posterior."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from brgm_tf.pipeline.measurement import sample_parameters
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.reporting import posterior_summary

# Values of the two corrections; coverage is interpolated between them.
CORRECTIONS = {
    "dispersion_factor": (1.0, 1.25, 1.5, 2.0, 3.0),
    "model_discrepancy_stddev": (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0),
}


def column(correction: str, value: float) -> str:
    """Returns the name of the coverage at a value of a correction."""
    return f"coverage_90_{correction}_{value:g}"


@dataclasses.dataclass(frozen=True)
class _Batch:
    """A restored batch.

    Args:
        truth: Images [B, H, W, C].
        data: Arrays of the corruption, by name.
        measurement: Measurement of the truth.
        fit: Fitted state of the estimator.
        missing: bool [B, H, W, 1], the pixels that count; None counts all.
    """

    truth: np.ndarray
    data: dict[str, np.ndarray]
    measurement: np.ndarray
    fit: Any
    missing: np.ndarray | None


class Judge:
    """Corrupts images, restores them, and scores the posteriors.

    Args:
        restorer: Restorer of the images.
        missing: bool [1, M, M, 1], True = missing; or None.
        noise_scale: Standard deviation of the added noise in grey levels, for a corruption
            without a noise stage.
        infer_noise: Whether the inferred noise scale is also scored as a discrepancy.
    """

    def __init__(self, restorer: Restorer, *, missing, noise_scale: float, infer_noise: bool):
        self._restorer, self._missing = restorer, missing
        self._noise_scale, self._infer_noise = noise_scale, infer_noise
        self._seed = restorer.config.seed

    def judge(self, truth: np.ndarray, indices) -> list[dict[str, float]]:
        """Returns rank, coverage and other figures of each image of a batch.

        Args:
            truth: Images [B, H, W, C].
            indices: Numbers of the images, which seed the noise and the random pixel.
        """
        data = {}
        if self._missing is not None:
            data = {"missing": np.repeat(self._missing, len(truth), axis=0)}
        measurement = self._measured(truth, data, indices)
        *_, last = self._restorer.program.run(measurement, data=data)
        fit = last.approximation
        observed = self._restorer.corruption.with_data(**data).observation_mask(measurement)
        observed = np.broadcast_to(observed, measurement.shape) > 0
        batch = _Batch(truth, data, measurement, fit, _hole(observed, measurement, truth))
        samples, parameters = self._sampled(batch)
        figures = posterior_summary.sample_metrics(
            samples, parameters, measurement, observed=observed, truth=truth, missing=batch.missing
        )
        figures |= self._restorer.program.diagnostics(fit)
        figures |= self._coverage(batch, samples[1], parameters)
        figures["rank"] = self._ranks(batch, samples[1], indices)
        return [
            {name: float(values[b]) for name, values in figures.items()} for b in range(len(truth))
        ]

    def _measured(self, truth, data, indices) -> np.ndarray:
        # This import needs TensorFlow.
        from brgm_tf.corruptions.noise.noise import Noise

        seeds = np.array([[self._seed, index] for index in indices], np.int32)
        corruption = self._restorer.corruption.with_data(**data)
        corruption = corruption.with_params(**sample_parameters(self._restorer.corruption, seeds))
        if not corruption.adds_noise:
            corruption = corruption + Noise(self._noise_scale)
        return corruption.sample(truth, seeds).numpy()

    def _sampled(self, batch: _Batch, *, dispersion_factor: float = 1.0):
        """Returns the samples, without merged images, and the parameters of `draw_samples`."""
        draws, parameters = posterior_summary.draw_samples(
            self._restorer.program,
            batch.fit,
            render=lambda ws, drawn: self._restorer.render(ws, batch.data, drawn),
            num_samples=posterior_summary.STATISTICS_DRAWS,
            seed=self._seed + 1,
            dispersion_factor=dispersion_factor,
        )
        return [*draws, None], parameters

    def _coverage(self, batch: _Batch, samples, parameters) -> dict[str, np.ndarray]:
        """Returns the coverage of the intervals, as they are and with corrections."""
        # Samples are not clipped: intervals of clipped white pixels would say nothing.
        coverage = functools.partial(
            posterior_summary.coverage, truth=batch.truth, counted=batch.missing
        )
        figures = {
            name: coverage(samples, fraction=fraction)
            for name, fraction in posterior_summary.INTERVALS.items()
        }
        for factor in CORRECTIONS["dispersion_factor"]:
            wide, _ = self._sampled(batch, dispersion_factor=factor)
            figures[column("dispersion_factor", factor)] = coverage(wide[1], fraction=0.9)
        for stddev in CORRECTIONS["model_discrepancy_stddev"]:
            figures[column("model_discrepancy_stddev", stddev)] = coverage(
                samples, fraction=0.9, model_discrepancy_stddev=stddev
            )
        if self._infer_noise:
            scales = parameters["noise_scale"].mean(axis=0)
            stddev = posterior_summary.model_discrepancy_map(samples, scales, missing=batch.missing)
            figures["coverage_90_noise"] = coverage(
                samples, fraction=0.9, model_discrepancy_stddev=stddev
            )
        return figures

    def _ranks(self, batch: _Batch, samples, indices) -> list[float]:
        """Returns the fraction of samples below the truth, at a random pixel of each image."""
        counted = batch.missing
        if counted is None:
            counted = np.full([len(batch.truth), 1, 1, 1], True)
        return [
            self._rank(samples[:, b], batch.truth[b], counted=counted[b], index=index)
            for b, index in enumerate(indices)
        ]

    def _rank(self, samples, truth, *, counted, index: int) -> float:
        rng = np.random.default_rng([self._seed, index, 2])
        where = tuple(rng.choice(np.argwhere(np.broadcast_to(counted, truth.shape))))
        below = (samples[(slice(None), *where)] < truth[where]).sum()
        return float(below / (len(samples) + 1))


def _hole(observed, measurement, truth) -> np.ndarray | None:
    """Returns bool [B, H, W, 1], the missing pixels of a partly observed image, else None."""
    is_image = measurement.shape == truth.shape and not np.iscomplexobj(measurement)
    return ~observed.all(axis=-1, keepdims=True) if is_image and not observed.all() else None
