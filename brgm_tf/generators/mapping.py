"""StyleGAN2's mapping network: normal code and label -> latent.

Notation: z [B, Z] a normal code, c [B, C] a label, e = embed(c) [B, E], w [B, D].
"""

from __future__ import annotations

import keras
from keras import ops

from brgm_tf.generators.layers import BuiltLayer, FullyConnected
from brgm_tf.ops.modulated_conv2d import normalize_2nd_moment

# How z and e are scaled before the first layer, n(x) = x / rms(x):
#   'separate'  [n(z), n(e)]
#   'joint'     n([z, e])
#   'none'      [z, e]
# Only where e is scaled by itself does the embedding have a bias.
NORMALIZATIONS = ("separate", "joint", "none")


class Mapping(BuiltLayer):
    """Mapping network: w = fc_n(...fc_1(normalised [z, embed(c)])).

    Args:
        z_dim: Z.
        w_dim: D.
        c_dim: C, 0 for no labels.
        depth: number of layers.
        width: features between the layers.
        embedding_width: E; without labels there is no embedding.
        normalization: one of `NORMALIZATIONS`.
        activation: of every layer, a name of `ops.ACTIVATIONS`.
        lr_multiplier: the layers' learning rate relative to the synthesis network.
    """

    def __init__(
        self,
        z_dim,
        w_dim,
        *,
        c_dim,
        depth,
        width,
        embedding_width,
        normalization,
        activation,
        lr_multiplier,
        rng,
        name="mapping",
        dtype=None,
    ):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.c_dim = c_dim
        self.normalization = normalization
        shared = {"rng": rng, "dtype": dtype}
        with keras.name_scope(name):
            self.embed = None
            if c_dim:
                self.embed = FullyConnected(
                    c_dim,
                    embedding_width,
                    use_bias=normalization == "separate",
                    name="embed",
                    **shared,
                )
            first = z_dim + (embedding_width if c_dim else 0)
            sizes = [first] + [width] * (depth - 1) + [w_dim]
            self.layers = [
                FullyConnected(
                    sizes[i],
                    sizes[i + 1],
                    activation=activation,
                    lr_multiplier=lr_multiplier,
                    name=f"fc{i}",
                    **shared,
                )
                for i in range(depth)
            ]

    def call(self, z, c=None):
        """Maps z [B, Z] and labels c [B or 1, C] (None: zeros) to w [B, D]."""
        x = self._input(ops.cast(z, self.weight_dtype), c)
        for layer in self.layers:
            x = layer(x)
        return x

    def _input(self, z, c):
        separate = self.normalization == "separate"
        x = normalize_2nd_moment(z) if separate else z
        if self.embed is not None:
            c = ops.zeros((1, self.c_dim)) if c is None else c
            e = self.embed(c)
            e = normalize_2nd_moment(e) if separate else e
            # The sum repeats one label for all z, whose number need not be known.
            x = ops.concatenate([x, e + ops.zeros_like(z[:, :1])], axis=1)
        return normalize_2nd_moment(x) if self.normalization == "joint" else x
