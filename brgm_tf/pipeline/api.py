"""`restore`: images in, a `Restoration` out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from brgm_tf.pipeline.batch_result import BatchResult
from brgm_tf.pipeline.batches import restore_all
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.photographs import restored_photographs
from brgm_tf.pipeline.preparation import Preparation, prepare
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.pipeline.warmup import with_eager_warmup
from brgm_tf.reporting.results import ImageResult, Restoration

if TYPE_CHECKING:
    from brgm_tf.corruptions.base import Corruption
    from brgm_tf.estimators.restoring.inference import Step


def _warn(note: str) -> None:
    warnings.warn(note, stacklevel=4)  # the caller of `restore`


def restore(
    images: Any,
    *,
    corruption: str | Corruption = "none",
    masks: Any = None,
    progress: Callable[[Step], object] | None = None,
    **options: Any,
) -> Restoration:
    """Restores images with a generator as the prior.

    Args:
        images: one of these, or a list of them:

            - a path, folder or glob of images, NIfTI volumes, DICOM files, .tar archives or
              TFRecords, or of a .txt file that lists paths;
            - a PIL image; an array or tensor [h, w, C] or [N, h, w, C]: uint8 in [0, 255], or
              floats in [-1, 1]. Floats that all lie in [0, 1] bring a warning;
            - k-space for 'kspace(...)', unless `input_kind` is 'clean': .npy or fastMRI's HDF5
              files, or complex arrays [H, W], [H, W, coils] or [N, H, W, coils].
        corruption: a `Corruption`, such as `Blur(sigma=3.0) + Noise(scale=5.0)` or an object of
            your own class; or text such as 'blur(sigma=3) + noise(scale=5)'.
        masks: missing pixels for 'mask()': a file, a folder, or bool arrays, True = missing; or
            'found' or 'found(fill=255)' to find them by their colour, and 'alpha' by their
            transparency.
        progress: called with a `Step` after every chunk of steps; True stops.
        **options: other fields of `Config`, such as generator="xray-64", estimator="vi",
            num_steps=350 and seed=0.

    Returns:
        A `Restoration`. With align="faces" its `photographs` hold each photograph with the
        restored faces, and `save` writes them. An input that cannot be used is among its failures.

    Raises:
        InputError: an option cannot be used, or no input can.

    Example:
        >>> import brgm_tf
        >>> brgm_tf.restore("none.png")
        Traceback (most recent call last):
        brgm_tf.core.errors.InputError: `input` ...
    """
    config = Config(corruption=corruption, **options)
    plan = prepare(images, config=config, masks=masks, notify=_warn)
    results: list[ImageResult] = []
    failures = list(plan.failures)
    for batch in _batches(config, plan, progress):
        results += batch.images
        failures += batch.failures
    photographs = restored_photographs(plan.photographs, results, config.corruption)
    return Restoration(tuple(results), tuple(failures), config, photographs)


def _batches(config: Config, plan: Preparation, progress: Any) -> Iterator[BatchResult]:
    resolution = plan.requirements.resolution
    config = with_eager_warmup(config, num_images=len(plan.specs), resolution=resolution)
    return restore_all(
        [Restorer(config)],
        plan.specs,
        expected=plan.requirements,
        progress=progress,
        unusable=plan.unusable,
    )
