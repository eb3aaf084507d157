"""StyleGAN2's mapping network: normal code and label to latent.

Notation: z [B, Z] a normal code, c [B, C] a label, e = embed(c) [B, E], w [B, D].
"""

from __future__ import annotations

import itertools
from typing import Any

import keras
from keras import ops

from brgm_tf.generators.layers import BuiltLayer, FullyConnected
from brgm_tf.generators.stylegan2_config import StyleGAN2Config
from brgm_tf.ops.modulated_conv2d import normalize_2nd_moment


class Mapping(BuiltLayer):
    """Mapping network: w = fc_n(...fc_1(normalised [z, embed(c)])).

    Args:
        config: Options of the network.
        rng, name, dtype: As in `BuiltLayer`.
    """

    def __init__(self, config: StyleGAN2Config, *, rng, name: str = "mapping", dtype=None):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.c_dim = config.c_dim
        self.normalization = config.normalization
        with keras.name_scope(name):
            self.embed = None
            if config.c_dim:
                self.embed = FullyConnected(
                    config.c_dim,
                    config.embedded_features,
                    use_bias=config.normalization == "separate",
                    rng=rng,
                    name="embed",
                    dtype=dtype,
                )
            self.layers = [
                FullyConnected(
                    *sizes,
                    activation=config.mapping_activation,
                    lr_multiplier=config.mapping_lr_multiplier,
                    rng=rng,
                    name=f"fc{i}",
                    dtype=dtype,
                )
                for i, sizes in enumerate(itertools.pairwise(config.mapping_sizes))
            ]

    def call(self, z: Any, c: Any = None) -> Any:
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
            # The sum repeats one label for all z, whose number may be unknown.
            x = ops.concatenate([x, e + ops.zeros_like(z[:, :1])], axis=1)
        return normalize_2nd_moment(x) if self.normalization == "joint" else x
