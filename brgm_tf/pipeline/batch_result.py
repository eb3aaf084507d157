"""The result of a batch, and its checkpoint. TensorFlow is not imported here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from brgm_tf.reporting.failures import Failure
from brgm_tf.reporting.results import ImageResult


@dataclasses.dataclass(frozen=True, eq=False)
class BatchCheckpoint:
    """The state of a batch that was stopped, to resume from.

    Attributes:
        keys: name and origin of the images, in order, so that the state of an image is never used
            for another one; an image may be there twice, see `pipeline.batches`.
        state: arrays of the estimator's state by name; see `estimators.optimizers.loop.Checkpoint`.
        history: terms of the loss by name, each [steps, B].
    """

    keys: tuple[str, ...]
    state: Mapping[str, Sequence[np.ndarray]]
    history: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class BatchResult:
    """The result of a batch.

    Attributes:
        images: the result of each restored image.
        failures: the images that could not be restored.
        stopped: whether the batch was stopped.
        checkpoint: checkpoint of a stopped batch; None if the batch has to start again.
    """

    images: tuple[ImageResult, ...]
    failures: tuple[Failure, ...] = ()
    stopped: bool = False
    checkpoint: BatchCheckpoint | None = None
