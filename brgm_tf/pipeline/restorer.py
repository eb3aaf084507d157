"""`Restorer`: measure, infer, render, score and assemble, batch after batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from brgm_tf.io import inputs
from brgm_tf.pipeline.assembly import (
    assemble,
    histories_by_image,
    kspace_by_image,
    metrics_by_image,
)
from brgm_tf.pipeline.batch_result import BatchCheckpoint, BatchResult
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.devices import scope_of
from brgm_tf.pipeline.frames import FrameRecorder
from brgm_tf.pipeline.inference import Callback, Estimate, Step, infer, step_reporter
from brgm_tf.pipeline.measurement import Acquisition, Measurement
from brgm_tf.pipeline.model import load_model
from brgm_tf.pipeline.rendering import observer, renderer
from brgm_tf.pipeline.sampling import sample_posterior
from brgm_tf.pipeline.scoring import image_scores, measurement_scores, parameter_scores
from brgm_tf.pipeline.warnings import image_warnings


class Restorer:
    """A loaded model that restores batch after batch.

    Args:
        config: the configuration.
        notify: called with a line of text for each event, such as a download.
        device: device by TensorFlow's name; None for TensorFlow's choice.

    Attributes:
        generator, corruption, posterior, estimator: see `Model`.
        acquisition: the `Acquisition`, which measures.
        render: (latents, values, data, parameters) -> `Rendering`.
        distance: (x, y) -> LPIPS [B]; None if no run needs it.
    """

    def __init__(
        self,
        config: Config,
        *,
        notify: Callable[[str], object] | None = None,
        device: str | None = None,
    ):
        self.config, self.device = config, device
        with scope_of(device):
            self._load(notify)

    def restore(
        self,
        batch: Sequence[inputs.LoadedInput],
        *,
        progress: Callable[[Step], object] | None = None,
        checkpoint: BatchCheckpoint | None = None,
    ) -> BatchResult:
        """Restores a batch.

        Args:
            batch: the loaded inputs.
            progress: called with a `Step` after every chunk of steps; True stops.
            checkpoint: of the same batch in an earlier run that was stopped.

        Raises:
            NotFiniteError: a term of an image is not finite.
        """
        with scope_of(self.device):
            return self._restore(batch, progress, checkpoint)

    def _load(self, notify) -> None:
        from brgm_tf.core.compilation import compiled

        self._model = model = load_model(self.config, notify=notify)
        self.generator, self.corruption = model.generator, model.corruption
        self.posterior, self.estimator = model.posterior, model.estimator
        self.acquisition = Acquisition(model.corruption, self.config)
        self.render = renderer(model.generator, model.corruption)
        self._observe = observer(model.corruption, model.posterior)
        self.distance = None if model.perceptual is None else compiled(model.perceptual)

    def _restore(self, batch, progress, checkpoint) -> BatchResult:
        start = time.monotonic()
        measurement = self.acquisition(batch)
        frames = self._recorder(measurement) if self.config.keep_frames else None
        estimate = self._infer(measurement, frames, progress, checkpoint)
        shared = measurement.values, measurement.data, estimate.parameters
        rendering = self.render(estimate.latents, *shared).numpy()
        observation = self._observe(rendering, *shared[1:])
        # Images for people; k-space has zero-filled ones.
        shown = [
            self.acquisition.as_image(y, measurement.data).numpy()
            for y in (measurement.values, rendering.predicted_measurement)
        ]
        scores, samples = self._score(measurement, estimate, rendering, observation)
        fields = {
            "name": measurement.names,
            "measurement": shown[0],
            "reconstruction": rendering.reconstruction,
            "predicted_measurement": shown[1],
            "merged": rendering.merged,
            "truth": measurement.truth,
            "missing": observation.missing,
            "latents": estimate.latents.numpy(),
            "history": histories_by_image(estimate.history),
            "metrics": scores,
            "warnings": self._warnings(estimate, scores, observation),
            "samples": samples,
            "frames": None if frames is None else frames.by_image(),
            "kspace": kspace_by_image(measurement.values, observation.observed),
            "geometry": [item.geometry for item in batch],
        }
        seconds = (time.monotonic() - start) / len(batch)
        images = assemble(fields, seconds=seconds, complete=estimate.complete)
        return BatchResult(images, stopped=estimate.stopped, checkpoint=estimate.checkpoint)

    def _recorder(self, measurement: Measurement) -> FrameRecorder:
        return FrameRecorder(
            self.render,
            estimator=self.estimator,
            prior=self.posterior.prior,
            num_layers=self.generator.num_ws,
            measurement=measurement,
            num_steps=self.config.num_steps,
        )

    def _infer(self, measurement: Measurement, frames, progress, checkpoint) -> Estimate:
        num_steps = self.config.num_steps
        callbacks: list[Callback] = [] if frames is None else [frames]
        if progress is not None:
            callbacks.append(step_reporter(progress, names=measurement.names, num_steps=num_steps))
        return infer(
            self.estimator,
            measurement,
            num_steps=num_steps,
            callbacks=callbacks,
            checkpoint=checkpoint,
            resumable=frames is None,  # A checkpoint has no frames: a video starts again.
        )

    def _score(self, measurement, estimate, rendering, observation):
        """Returns the metrics of each image, and its posterior samples or None."""
        scores = image_scores(measurement, rendering, observation, distance=self.distance)
        samples, sample_scores = sample_posterior(
            self._model, estimate, measurement, observation, render=self.render, config=self.config
        )
        scores |= parameter_scores(self._model, estimate, measurement) | sample_scores
        return metrics_by_image(scores | measurement_scores(measurement)), samples

    def _warnings(self, estimate, scores, observation) -> list[tuple[str, ...]]:
        num_steps = self.config.num_steps
        return [
            image_warnings(self._model, estimate, metrics, noise=float(noise), num_steps=num_steps)
            for metrics, noise in zip(scores, observation.noise, strict=True)
        ]
