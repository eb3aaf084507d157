"""What the compiled programs take of a batch, and the batch repeated for several draws."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def batch_inputs(measurement, data: Mapping | None, *, features, has_features: bool, dtype) -> dict:
    """Measurement, its features and the corruption's data, as the terms take them.

    Args:
        measurement: y [B, ...].
        data: per-image arrays of the corruption, or None.
        features: y -> list of features.
        has_features: whether the objective looks at them.
        dtype: of the measurement.
    """
    measurement = tf.convert_to_tensor(measurement, dtype)
    target = features(measurement) if has_features else []
    return {"measurement": measurement, "corruption": data or {}, "target": target}


def measured(inputs: Mapping, *, copies: int = 1) -> dict:
    """Measurement and target of the posterior's terms, once for every draw."""
    return {
        "measurement": tiled(inputs["measurement"], copies),
        "target": [tiled(features, copies) for features in inputs["target"]],
    }


def tiled(array, copies: int):
    """[B, ...] -> [S B, ...], the batch repeated S times."""
    return tf.tile(array, [copies] + [1] * (array.shape.rank - 1)) if copies > 1 else array


def tiled_data(data: Mapping, copies: int) -> dict:
    """Per-image arrays of a corruption; one for all images is one for all draws, too."""
    data = {name: tf.convert_to_tensor(array) for name, array in data.items()}
    return {n: tiled(a, copies) if a.shape[0] > 1 else a for n, a in data.items()}


def mean_of_draws(values, num_draws: int):
    """[S B] -> [B]."""
    return tf.reduce_mean(tf.reshape(values, [num_draws, -1]), axis=0)
