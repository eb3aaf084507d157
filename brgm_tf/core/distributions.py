"""Base class of the package's distributions; importing it imports TensorFlow Probability."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp


class StaticShapeDistribution(tfp.distributions.Distribution):
    """Distribution whose batch and event have one shape each, known when it is constructed.

    A subclass states the density in closed form in `_log_prob`, and draws in `_sample_n`.

    Args:
        batch_shape: Shape of the batch.
        event_shape: Shape of the event.
        dtype: Type of the event.
        is_reparameterized: Whether a sample has gradients in the parameters.
        name: Name of the distribution.
    """

    def __init__(
        self, batch_shape, event_shape, *, dtype, name: str, is_reparameterized: bool = True
    ):
        self._static_shapes = tf.TensorShape(batch_shape), tf.TensorShape(event_shape)
        tfd = tfp.distributions
        full, none = tfd.FULLY_REPARAMETERIZED, tfd.NOT_REPARAMETERIZED
        super().__init__(
            dtype=dtype,
            reparameterization_type=full if is_reparameterized else none,
            validate_args=False,
            allow_nan_stats=True,
            parameters={"name": name},
            name=name,
        )

    def _standard_normal(self, n, seed):
        """Returns n standard normal draws of batch and event."""
        shape = tf.concat([[n], self.batch_shape, self.event_shape], axis=0)
        return tf.random.stateless_normal(shape, tfp.random.sanitize_seed(seed), dtype=self.dtype)

    def _batch_shape(self):
        return self._static_shapes[0]

    def _batch_shape_tensor(self):
        return tf.constant(self._static_shapes[0].as_list(), tf.int32)

    def _event_shape(self):
        return self._static_shapes[1]

    def _event_shape_tensor(self):
        return tf.constant(self._static_shapes[1].as_list(), tf.int32)
