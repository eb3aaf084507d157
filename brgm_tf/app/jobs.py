"""Messages between the page and its worker: a job, its updates, and its outcome.

TensorFlow is not imported here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from brgm_tf.app.views import Views
from brgm_tf.pipeline.config import Config

RESULTS = "results"  # folder of the results in the folder of a job


@dataclasses.dataclass(frozen=True)
class Job:
    """A restoration that a visitor asks for.

    Attributes:
        config: configuration with names of weights.
        picture: path of the input, or 'example:NAME'.
        mask: path of its mask, or None.
        folder: existing folder of the results; None to keep no results.
    """

    config: Config
    picture: Path | str
    mask: Path | str | None
    folder: Path | None


@dataclasses.dataclass(frozen=True, eq=False)
class Update:
    """What the page shows in the middle of a run.

    Attributes:
        note: line of text, such as 'compiling'; '' during the steps.
        step: number of finished steps.
        num_steps: number of all steps.
        losses: total loss at each update.
        seconds_left: estimated rest of the run; None before there is an estimate.
        measurement: float32 [h, w, C] in [-1, 1], or None.
        image: float32 [H, W, C] in [-1, 1], or None.
    """

    note: str = ""
    step: int = 0
    num_steps: int = 0
    losses: tuple[float, ...] = ()
    seconds_left: float | None = None
    measurement: np.ndarray | None = None
    image: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A finished job, whose results are in the folder of the job.

    Attributes:
        views: paths of the pictures for the page; None for a job without a folder.
        metrics: metrics of each image by the name of the image.
        warnings: lines of text for the visitor.
        seconds: duration of the restoration.
        is_complete: whether every step was done, or the estimator had converged before.
    """

    views: Views | None
    metrics: Mapping[str, Mapping[str, float]]
    warnings: tuple[str, ...]
    seconds: float
    is_complete: bool
