"""A perceptual distance without weights, for runs that report a distance."""

import tensorflow as tf


class Unseeing:
    """A distance that is zero for all images."""

    def features(self, x, *, enlarge):
        del x, enlarge
        return []

    def __call__(self, x, y):
        del y
        return tf.zeros(tf.shape(x)[0])


UNSEEING = Unseeing()
