"""`BatchRestorer`: infer, render, score and assemble, for the measurements of a batch."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from brgm_tf.core.compilation import compiled
from brgm_tf.estimators.restoring.assembly import (
    assemble,
    histories_by_image,
    kspace_by_image,
    metrics_by_image,
)
from brgm_tf.estimators.restoring.inference import Callback, Estimate, infer
from brgm_tf.estimators.restoring.measurement import Measurement
from brgm_tf.estimators.restoring.misfit import Fit
from brgm_tf.estimators.restoring.rendering import observer, renderer
from brgm_tf.estimators.restoring.sampling import SampleOptions, sample_posterior
from brgm_tf.estimators.restoring.scoring import (
    image_scores,
    measurement_scores,
    parameter_scores,
)
from brgm_tf.estimators.restoring.warnings import image_warnings
from brgm_tf.generators.adaptation import AdaptedGenerator
from brgm_tf.reporting.results import ImageResult


class BatchRestorer:
    """The steps from the measurements of a batch to the results of its images.

    Args:
        posterior: the `Posterior`.
        estimator: the `Estimator`.
        sampling: the `SampleOptions`.
        distance: (x, y) -> LPIPS [B], for the metrics; None leaves LPIPS out.

    Attributes:
        program: the estimator's program for the posterior.
        render: (latents, data, parameters, deviations) -> `Rendering`.
    """

    def __init__(
        self,
        posterior,
        estimator,
        *,
        sampling: SampleOptions | None = None,
        distance: Callable | None = None,
    ):
        self.posterior, self.program = posterior, estimator.bind(posterior)
        self.distance, self._sampling = distance, sampling or SampleOptions()
        self._num_steps = estimator.total_steps
        self.render = renderer(posterior)
        self._observe = observer(posterior)
        self._as_image = compiled(self._image_of)

    def __call__(
        self,
        measurement: Measurement,
        *,
        callbacks: Sequence[Callback] = (),
        checkpoint: Mapping[str, Any] | None = None,
        history: Mapping[str, Any] | None = None,
    ) -> tuple[tuple[ImageResult, ...], Estimate]:
        """Restores a batch.

        Args:
            measurement: the batch.
            callbacks: called with the `Progress` of every chunk; True stops the run.
            checkpoint: arrays of the estimator's state in an earlier run that was stopped.
            history: terms of the loss of that run.

        Returns:
            The result of each image, and the end of the estimator's run.

        Raises:
            NotFiniteError: a term of an image is not finite.
        """
        start = time.monotonic()
        estimate = infer(
            self.program,
            measurement,
            num_steps=self._num_steps,
            callbacks=callbacks,
            checkpoint=checkpoint,
            history=history,
        )
        fields = self._fields(measurement, estimate)
        seconds = (time.monotonic() - start) / len(measurement)
        return assemble(fields, seconds=seconds, complete=estimate.complete), estimate

    def _fields(self, measurement: Measurement, estimate: Estimate) -> dict[str, Any]:
        """Returns the fields of `ImageResult` for each image, by name."""
        values, data, parameters = measurement.values, measurement.data, estimate.parameters
        rendering = self.render(estimate.latents, data, parameters, estimate.deviations).numpy()
        merged = self._composite(measurement, rendering.reconstruction)
        observation = self._observe(rendering, data, parameters)
        scores, samples = self._score(measurement, estimate, (rendering, merged), observation)
        # Images for people; k-space has zero-filled ones.
        measured, predicted = (
            self._as_image(y, data).numpy() for y in (values, rendering.predicted_measurement)
        )
        return {
            "name": measurement.names,
            "measurement": measured,
            "reconstruction": rendering.reconstruction,
            "predicted_measurement": predicted,
            "merged": merged,
            "truth": measurement.truth,
            "missing": observation.missing,
            "latents": estimate.latents.numpy(),
            "history": histories_by_image(estimate.history),
            "metrics": scores,
            "warnings": self._warnings(measurement, rendering, observation, estimate, scores),
            "samples": samples,
            "kspace": kspace_by_image(values, observation.observed),
            "generator": self._adapted_generators(estimate.deviations),
        }

    def _adapted_generators(self, deviations) -> list[AdaptedGenerator] | None:
        """Returns the generator of each image, or None for the trained weights."""
        if deviations is None:
            return None
        return [AdaptedGenerator(self.posterior.adaptation, e) for e in deviations.numpy()]

    def _composite(self, measurement: Measurement, images: Any) -> Any:
        """Returns images that agree with the measurement; None without this operation."""
        bound = self.posterior.corruption.with_data(**measurement.data)
        return bound.composite(measurement.values, images)

    def _composite_samples(self, measurement: Measurement, samples: Any) -> Any:
        """Returns samples blended into the observed pixels; None if no pixels are put back.

        Samples of fewer measured pixels stay as they are, because they include the noise.
        """
        if not self.posterior.corruption.puts_pixels_back:
            return None
        return self._composite(measurement, samples)

    def _score(self, measurement, estimate, restored, observation):
        """Returns the metrics of each image, and its posterior samples or None."""
        rendering, merged = restored
        scores = image_scores(
            measurement, rendering, observation, merged=merged, distance=self.distance
        )
        samples, sample_scores = sample_posterior(
            self.program,
            estimate,
            measurement,
            observation,
            posterior=self.posterior,
            render=self.render,
            composite=functools.partial(self._composite_samples, measurement),
            options=self._sampling,
        )
        scores |= parameter_scores(self.program, estimate, measurement, posterior=self.posterior)
        return metrics_by_image(scores | sample_scores | measurement_scores(measurement)), samples

    def _warnings(
        self, measurement, rendering, observation, estimate, scores
    ) -> list[tuple[str, ...]]:
        fits = zip(
            measurement.values,
            rendering.predicted_measurement,
            np.broadcast_to(observation.observed, measurement.values.shape),
            np.asarray(estimate.history["total"]).T,
            strict=True,
        )
        return [
            image_warnings(
                metrics,
                fit=Fit(*fit, is_complete=estimate.complete),
                estimate=estimate,
                estimator_warning=self.program.warning,
                has_exact_gradient=not self.posterior.corruption.straight_through_gradient,
                noise=float(noise),
                num_steps=self._num_steps,
            )
            for metrics, noise, fit in zip(scores, observation.noise, fits, strict=True)
        ]

    def _image_of(self, y, data):
        return self.posterior.corruption.with_data(**data).as_image(y)
