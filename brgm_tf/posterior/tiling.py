"""A batch repeated: for several draws of each image, or several starts."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


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
