"""The measurement that a posterior is conditioned on, as a structure of tensors.

Conditions are arguments of compiled programs, so that every batch of the same shapes runs the same
program. Programs that evaluate several positions of each image repeat the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import tensorflow as tf


class Conditions(TypedDict):
    """A measured batch.

    Attributes:
        measurement: y [B, h, w, c].
        data: Per-image arrays of the corruption by name, [B or 1, ...].
        target: Perceptual features of the measurement, [B, ...] each; empty without a perceptual
            term.
        deviations: Deviations e [B or 1, E] of the generator's weights; left out for the
            trained weights.
    """

    measurement: Any
    data: Mapping[str, Any]
    target: list[Any]
    deviations: NotRequired[Any]


def repeat_conditions(conditions: Conditions, copies: int) -> Conditions:
    """Returns the conditions of the batch repeated: [B, ...] becomes [copies B, ...]."""
    repeated: Conditions = {
        "measurement": repeat_batch(conditions["measurement"], copies),
        "data": repeat_data(conditions["data"], copies),
        "target": [repeat_batch(features, copies) for features in conditions["target"]],
    }
    if "deviations" in conditions:
        repeated["deviations"] = repeat_deviations(conditions["deviations"], copies)
    return repeated


def repeat_deviations(deviations, copies: int):
    """Returns deviations [B, E] repeated; [1, E] serves every image, and None stays."""
    if deviations is None or deviations.shape[0] == 1:
        return deviations
    return repeat_batch(deviations, copies)


def repeat_data(data: Mapping[str, Any], copies: int) -> dict[str, Any]:
    """Returns the arrays of a corruption repeated; an array [1, ...] serves every image."""
    data = {name: tf.convert_to_tensor(array) for name, array in data.items()}
    return {n: repeat_batch(a, copies) if a.shape[0] > 1 else a for n, a in data.items()}


def repeat_batch(array, copies: int):
    """Returns [B, ...] repeated `copies` times, [copies B, ...]."""
    return tf.tile(array, [copies] + [1] * (array.shape.rank - 1)) if copies > 1 else array


def mean_of_copies(values, copies: int):
    """Returns the mean over the copies of each image: [copies B] becomes [B]."""
    return tf.reduce_mean(tf.reshape(values, [copies, -1]), axis=0)
