"""Infers images of known truth, and finds where among the draws the truth lies."""

from __future__ import annotations

import numpy as np

from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.reporting import posterior_summary

# Of `sampling.draw_samples` and `sampling.interval`; between them coverage is interpolated.
CORRECTIONS = {
    "dispersion_factor": (1.0, 1.25, 1.5, 2.0, 3.0),
    "model_discrepancy_stddev": (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0),
}


def column(correction: str, value: float) -> str:
    """The name of what intervals cover at a value of a correction."""
    return f"coverage_90_{correction}_{value:g}"


class Judge:
    """Damages images, infers them, and judges what is inferred.

    Args:
        restorer: what infers.
        missing: bool [1, M, M, 1], True = missing; or None.
        noise_scale: of the noise that is added, grey levels, where the corruption has none.
        infer_noise: whether the inferred noise scale is judged as a discrepancy, too.
    """

    def __init__(self, restorer: Restorer, *, missing, noise_scale: float, infer_noise: bool):
        self._restorer, self._missing = restorer, missing
        self._noise_scale, self._infer_noise = noise_scale, infer_noise
        self._seed = restorer.config.seed

    def judge(self, truth: np.ndarray, indices) -> list[dict[str, float]]:
        """Rank, coverage and other figures of each image of a batch.

        Args:
            truth: images [B, H, W, C].
            indices: their numbers, which their noise and the random pixel depend on.
        """
        data = {}
        if self._missing is not None:
            data = {"missing": np.repeat(self._missing, len(truth), axis=0)}
        measurement = self._measured(truth, data, indices)
        *_, last = self._restorer.estimator.run(measurement, data=data)
        fit = self._restorer.estimator.fit(last.state)
        drawn, parameters = self._drawn(fit, measurement, data)
        observed = self._restorer.corruption.with_data(**data).observation_mask(measurement)
        observed = np.broadcast_to(observed, measurement.shape) > 0
        missing = _hole(observed, measurement, truth)
        figures = posterior_summary.figures_of(
            drawn, parameters, measurement, observed=observed, truth=truth, missing=missing
        )
        figures |= self._restorer.estimator.diagnostics(fit)
        # Not of clipped pictures: where both are white, nothing would be learned.
        for name, share in posterior_summary.INTERVALS.items():
            figures[name] = posterior_summary.coverage(
                drawn[1], truth, share=share, counted=missing
            )
        for dispersion_factor in CORRECTIONS["dispersion_factor"]:
            wide, _ = self._drawn(fit, measurement, data, dispersion_factor=dispersion_factor)
            figures[column("dispersion_factor", dispersion_factor)] = posterior_summary.coverage(
                wide[1], truth, share=0.9, counted=missing
            )
        for levels in CORRECTIONS["model_discrepancy_stddev"]:
            figures[column("model_discrepancy_stddev", levels)] = posterior_summary.coverage(
                drawn[1], truth, share=0.9, counted=missing, model_discrepancy_stddev=levels
            )
        if self._infer_noise:
            own = parameters["noise_scale"].mean(axis=0)
            model_discrepancy_stddev = posterior_summary.model_discrepancy_map(
                drawn[1], own, missing=missing
            )
            figures["coverage_90_noise"] = posterior_summary.coverage(
                drawn[1],
                truth,
                share=0.9,
                counted=missing,
                model_discrepancy_stddev=model_discrepancy_stddev,
            )
        counted = np.full([len(truth), 1, 1, 1], True) if missing is None else missing
        figures["rank"] = [
            self._rank(drawn[1][:, b], truth[b], counted=counted[b], index=index)
            for b, index in enumerate(indices)
        ]
        return [
            {name: float(values[b]) for name, values in figures.items()} for b in range(len(truth))
        ]

    def _measured(self, truth, data, indices) -> np.ndarray:
        from brgm_tf.corruptions.noise.noise import Noise

        seeds = np.array([[self._seed, index] for index in indices], np.int32)
        corruption = self._restorer.corruption.with_data(**data)
        corruption = corruption.with_params(**self._restorer.drawn_parameters(seeds))
        if not corruption.adds_noise:
            corruption = corruption + Noise(self._noise_scale)
        return corruption.sample(truth, seeds).numpy()

    def _drawn(self, fit, measurement, data, *, dispersion_factor: float = 1.0):
        """What `sampling.draw_samples` returns; known pixels are not put back."""

        def render(ws, parameters):
            pictures = self._restorer.render(ws, measurement, data, parameters)
            return *pictures[:2], None

        return posterior_summary.draw_samples(
            self._restorer.estimator,
            fit,
            render=render,
            num_samples=posterior_summary.STATISTICS_DRAWS,
            seed=self._seed + 1,
            dispersion_factor=dispersion_factor,
        )

    def _rank(self, draws, truth, *, counted, index: int) -> float:
        """Share of the draws that are below the truth at a random pixel that counts."""
        rng = np.random.default_rng([self._seed, index, 2])
        where = tuple(rng.choice(np.argwhere(np.broadcast_to(counted, truth.shape))))
        below = (draws[(slice(None), *where)] < truth[where]).sum()
        return float(below / (len(draws) + 1))


def _hole(observed, measurement, truth) -> np.ndarray | None:
    """bool [B, H, W, 1], the pixels that are not measured, where others are; None elsewhere."""
    is_image = measurement.shape == truth.shape and not np.iscomplexobj(measurement)
    return ~observed.all(axis=-1, keepdims=True) if is_image and not observed.all() else None
