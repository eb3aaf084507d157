"""Estimators of the latents, by name; rows do not import TensorFlow."""

from brgm_tf.registry import Registry, Row

ESTIMATORS = Registry(
    "estimator",
    {"map": Row("brgm_tf.estimators.map:MAP", "the mode of the posterior (maximum a posteriori)")},
)
