"""StyleGAN2's synthesis network: latents to image, in three architectures.

Notation: ws [B, L, D], one latent for each modulated layer. Block r (r = 4, 8, ..., resolution)
has conv0 (which doubles the size; absent at 4) and conv1. The architecture adds torgb and skip:

    skip    torgb in every block: the image is the sum of the upsampled images
    resnet  torgb in the last block; skip, a residual branch, in all but the first
    orig    torgb in the last block

Layers take the latents in this order. torgb shares its latent with the first convolution of
the next block, so L = 2 log2(resolution) - 2.

Reference: Karras et al. (arXiv 1912.04958), figure 7.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from brgm_tf.generators.layers import BuiltLayer, Skip, SynthesisLayer, ToRGB
from brgm_tf.generators.stylegan2_config import StyleGAN2Config
from brgm_tf.ops.upfirdn2d import setup_filter, upsample2d

_HALF = float(np.sqrt(0.5))


class SynthesisBlock(BuiltLayer):
    """The layers of one resolution.

    Args:
        config: Options of the network.
        resolution: Height and width of the output.
        rng, dtype: As in `BuiltLayer`.
    """

    def __init__(self, config: StyleGAN2Config, *, resolution: int, rng, dtype):
        super().__init__(rng=rng, name=f"b{resolution}", dtype=dtype)
        self.resample_filter = setup_filter(config.resample_filter)
        in_channels = config.widths.get(resolution // 2, 0)
        out_channels = config.widths[resolution]
        is_residual = config.architecture == "resnet" and in_channels > 0
        shared = {"config": config, "rng": rng, "dtype": dtype}
        self.convs = []
        self.skip = self.torgb = None
        with keras.name_scope(self.name):
            for name, inputs, up in (("conv0", in_channels, 2), ("conv1", out_channels, 1)):
                if inputs:
                    layer = SynthesisLayer(
                        inputs,
                        out_channels,
                        resolution=resolution,
                        up=up,
                        gain=_HALF if is_residual and name == "conv1" else 1.0,
                        name=name,
                        **shared,
                    )
                    self.convs.append(layer)
            if resolution == config.resolution or config.architecture == "skip":
                self.torgb = ToRGB(out_channels, **shared)
            if is_residual:
                self.skip = Skip(in_channels, out_channels, gain=_HALF, **shared)
        if not in_channels:
            self.const = self._normal("const", (resolution, resolution, out_channels))

    def call(self, x: Any, image: Any, ws: Any, *, noises: list) -> tuple[Any, Any]:
        """Returns the features and the image of this resolution.

        Args:
            x: Features of the block before, [B, H / 2, W / 2, Cin]; None in the first block.
            image: Image of the block before, [B, H / 2, W / 2, channels], or None.
            ws: Latents [B, number of convolutions + 1, D].
            noises: A map or None for each convolution.
        """
        # The constant keeps its batch of one. The styles broadcast it to the batch, whose size
        # may be unknown.
        x = self.const[None] if x is None else x
        residual = None if self.skip is None else self.skip(x)
        for i, (layer, noise) in enumerate(zip(self.convs, noises, strict=True)):
            x = layer(x, ws[:, i], noise=noise)
        x = x if residual is None else residual + x
        if self.torgb is None:
            return x, image
        rgb = self.torgb(x, ws[:, len(self.convs)])
        return x, rgb if image is None else rgb + upsample2d(image, self.resample_filter)


class Synthesis(BuiltLayer):
    """Synthesis network: the blocks from 4 to the full resolution.

    Args:
        config: Options of the network.
        rng, name, dtype: As in `BuiltLayer`.
    """

    def __init__(self, config: StyleGAN2Config, *, rng, name: str = "synthesis", dtype=None):
        super().__init__(rng=rng, name=name, dtype=dtype)
        with keras.name_scope(name):
            self.blocks = [
                SynthesisBlock(config, resolution=resolution, rng=rng, dtype=dtype)
                for resolution in config.widths
            ]

    @property
    def convs(self) -> list[SynthesisLayer]:
        """The convolutions, in order."""
        return [layer for block in self.blocks for layer in block.convs]

    @property
    def adaptable_weights(self) -> list[Any]:
        """Weights and biases of the convolutions, in order."""
        layers = [layer for b in self.blocks for layer in (*b.convs, b.torgb, b.skip) if layer]
        return [w for layer in layers for w in (layer.weight, layer.bias) if w is not None]

    def call(self, ws: Any, *, noises: list) -> Any:
        """Maps ws [B, L, D] and a noise map (or None) for each convolution to images."""
        x = image = None
        start = 0
        for block in self.blocks:
            end = start + len(block.convs)
            x, image = block(x, image, ws[:, start : end + 1], noises=noises[start:end])
            start = end
        return image
