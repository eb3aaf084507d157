"""A perceptual distance without weights, for runs that report one."""

import tensorflow as tf


class Unseeing:
    """All images are equal to it."""

    def features(self, x, *, enlarge):
        del x, enlarge
        return []

    def __call__(self, x, y):
        del y
        return tf.zeros(tf.shape(x)[0])


UNSEEING = Unseeing()
