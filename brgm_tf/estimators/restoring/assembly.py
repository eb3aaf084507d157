"""Assemble: the arrays of a batch become an `ImageResult` for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brgm_tf.reporting.results import ImageResult, KSpaceData


def assemble(
    fields: Mapping[str, Sequence[Any] | np.ndarray | None], **shared: Any
) -> tuple[ImageResult, ...]:
    """Returns the result of each image.

    Args:
        fields: values of a field of `ImageResult` for each image, by the field's name; None if
            the batch has none.
        **shared: fields that are the same for all images.
    """
    present = {name: values for name, values in fields.items() if values is not None}
    columns = zip(*present.values(), strict=True)
    return tuple(
        ImageResult(**dict(zip(present, values, strict=True)), **shared) for values in columns
    )


def metrics_by_image(scores: Mapping[str, np.ndarray]) -> list[dict[str, float]]:
    """Returns the metrics of each image by name, from metrics [B] by name."""
    count = len(next(iter(scores.values())))
    return [{name: float(values[i]) for name, values in scores.items()} for i in range(count)]


def histories_by_image(history: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Returns the terms [steps] of each image by name, from terms [steps, B] by name."""
    count = next(iter(history.values())).shape[1]
    return [{name: values[:, i] for name, values in history.items()} for i in range(count)]


def kspace_by_image(values: np.ndarray, observed: np.ndarray) -> list[KSpaceData] | None:
    """Returns the measured k-space of each image; None if the measurement is no k-space.

    Args:
        values: measurements [B, H, W, coils].
        observed: bool, of the same shape, True = sampled.
    """
    if not np.iscomplexobj(values):
        return None
    sampled = np.asarray(observed.any(axis=-1))
    return [KSpaceData(*image) for image in zip(values, sampled, strict=True)]
