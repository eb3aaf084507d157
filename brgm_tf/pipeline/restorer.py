"""`Restorer`: a loaded model that restores batch after batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from brgm_tf.estimators.restoring.inference import Callback, Estimate, Step, step_reporter
from brgm_tf.io import inputs
from brgm_tf.pipeline.batch_result import BatchCheckpoint, BatchResult
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.devices import scope_of
from brgm_tf.pipeline.frames import FrameRecorder
from brgm_tf.pipeline.measurement import Acquisition
from brgm_tf.pipeline.model import load_model
from brgm_tf.pipeline.previews import Preview, Previewer

if TYPE_CHECKING:
    from brgm_tf.estimators.restoring.batch import BatchRestorer


class Restorer:
    """A loaded model that restores batch after batch: measure, infer, render, score, assemble.

    Args:
        config: the configuration.
        notify: called with a line of text for each event, such as a download.
        device: device by TensorFlow's name; None for TensorFlow's choice.

    Attributes:
        posterior: the `Posterior`.
        generator, corruption: the generator and the corruption of the posterior.
        acquisition: the `Acquisition`, which measures.
        program: the estimator's program for the posterior.
        render: (latents, data, parameters, deviations) -> `Rendering`.
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
        self._box_size = 0
        with scope_of(device):
            self._use(load_model(config, notify=notify))

    def _use(self, restorer: BatchRestorer) -> None:
        self._restorer, self.posterior = restorer, restorer.posterior
        self.generator, self.corruption = self.posterior.generator, self.posterior.corruption
        self.acquisition = Acquisition(self.corruption, self.config)
        self.program, self.render = restorer.program, restorer.render
        self.distance = restorer.distance

    def _resize(self, size: int) -> None:
        """Loads the model for boxes of photographs of a size; only the last one is kept."""
        if self.config.align == "none" or size == self._box_size:
            return
        self._box_size = size
        loaded = dataclasses.replace(self.config, generator=self.generator)
        self._use(load_model(loaded, box_size=size))

    def restore(
        self,
        batch: Sequence[inputs.LoadedInput],
        *,
        progress: Callable[[Step], object] | None = None,
        checkpoint: BatchCheckpoint | None = None,
        show: Callable[[Preview], object] | None = None,
    ) -> BatchResult:
        """Restores a batch.

        Args:
            batch: the loaded inputs.
            progress: called with a `Step` after every chunk of steps; True stops.
            checkpoint: of the same batch in an earlier run that was stopped.
            show: called with a `Preview` after every chunk of steps; True stops.

        Raises:
            NotFiniteError: a term of an image is not finite.
        """
        with scope_of(self.device):
            return self._restore(batch, progress, checkpoint, show)

    def _restore(self, batch, progress, checkpoint, show) -> BatchResult:
        self._resize(len(batch[0].image))
        measurement = self.acquisition(batch)
        callbacks: list[Callback] = []
        if show is not None:
            previewer = Previewer(
                self.render, show, posterior=self.posterior, measurement=measurement
            )
            callbacks.append(previewer)
        frames = None
        if self.config.keep_frames:
            frames = FrameRecorder(
                self.render,
                posterior=self.posterior,
                measurement=measurement,
                num_steps=self.config.total_steps,
            )
            callbacks.append(frames)
        if progress is not None:
            reporter = step_reporter(
                progress, names=measurement.names, num_steps=self.config.total_steps
            )
            callbacks.append(reporter)
        images, estimate = self._restorer(
            measurement,
            callbacks=callbacks,
            checkpoint=None if checkpoint is None else checkpoint.state,
            history=None if checkpoint is None else checkpoint.history,
        )
        frames_by_image = [None] * len(batch) if frames is None else frames.by_image()
        images = tuple(
            dataclasses.replace(
                image,
                geometry=item.geometry,
                origin=item.origin,
                frames=frames_of_image,
                generator=image.generator if self.config.keep_generator else None,
                warnings=(*item.notes, *image.warnings),
            )
            for image, item, frames_of_image in zip(images, batch, frames_by_image, strict=True)
        )
        # A checkpoint has no frames: a video starts again.
        resumable = frames is None
        keys = tuple(item.key for item in batch)
        to_resume = _checkpoint_of(keys, estimate) if resumable else None
        return BatchResult(images, stopped=estimate.stopped, checkpoint=to_resume)


def _checkpoint_of(keys: tuple[str, ...], estimate: Estimate) -> BatchCheckpoint | None:
    """Returns the checkpoint of a batch; None if it has to start again."""
    if not estimate.checkpoint:
        return None
    return BatchCheckpoint(keys, estimate.checkpoint, estimate.losses)
