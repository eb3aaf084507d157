"""What stages of noise share: the image is left as it is, and scattered around."""

from __future__ import annotations

import abc

import tensorflow as tf

from brgm_tf.corruptions.identity import Identity


class Noise(Identity):
    """A stage of noise: forward(x) = x, and y scatters around it. The last stage of a chain.

    A subclass draws (`draw`) and says of every value how likely it is (`log_density`,
    `variance`, `distribution`); values are independent given their means.
    """

    adds_noise = True
    keeps_pixels = False

    def simulate(self, x, seeds):
        """Draws y given x, every image with a seed of its own."""
        x = tf.convert_to_tensor(x)
        seeds = tf.convert_to_tensor(seeds, tf.int32)
        # One by one: of a batch drawn at once, an image's noise would depend on its place.
        return tf.map_fn(
            lambda own: self.with_params(**own[2]).draw(own[0], own[1]),
            (self.forward(x), seeds, dict(self.values)),
            fn_output_signature=x.dtype,
        )

    @abc.abstractmethod
    def draw(self, mean, seed):
        """Draws y [h, w, C] of one image, of its mean; seed is int32 [2]."""
