"""StyleGAN2's synthesis network: latents -> image, in three architectures.

Notation: ws [B, L, D] one latent a modulated layer. Block r (r = 4, 8, ..., resolution)
has conv0 (which doubles the size; absent at 4), conv1 and, depending on the
architecture, torgb and skip:

    skip    torgb in every block: the image is the sum of the upsampled images
    resnet  torgb in the last block; skip, a residual branch, in all but the first
    orig    torgb in the last block

Latents go to layers in that order; torgb shares its latent with the next block's first
convolution, so L = 2 log2(resolution) - 2.

Reference: Karras et al. (arXiv 1912.04958), figure 7.
"""

from __future__ import annotations

import keras
import numpy as np

from brgm_tf.generators.layers import BuiltLayer, Skip, SynthesisLayer, ToRGB
from brgm_tf.ops.upfirdn2d import upsample2d

ARCHITECTURES = ("skip", "resnet", "orig")
_HALF = float(np.sqrt(0.5))


class SynthesisBlock(BuiltLayer):
    """The layers of one resolution.

    Args:
        in_channels: features of the block before; 0 for the first block, which starts
            from a learned constant.
        out_channels: features.
        architecture: one of `ARCHITECTURES`.
        resolution: height and width of the output.
        is_last: whether this is the block of the full resolution.
        image_channels: channels of the image.
        w_dim, resample_filter, conv_clamp: as in `SynthesisLayer`.
        others: of `SynthesisLayer`.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        *,
        architecture,
        resolution,
        is_last,
        image_channels,
        w_dim,
        resample_filter,
        conv_clamp,
        rng,
        dtype,
        **others,
    ):
        super().__init__(rng=rng, name=f"b{resolution}", dtype=dtype)
        self.resample_filter = resample_filter
        shared = {"rng": rng, "dtype": dtype}
        clamped = {"w_dim": w_dim, "conv_clamp": conv_clamp, **shared}
        is_residual = architecture == "resnet" and in_channels > 0
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
                        resample_filter=resample_filter,
                        name=name,
                        **clamped,
                        **others,
                    )
                    self.convs.append(layer)
            if is_last or architecture == "skip":
                self.torgb = ToRGB(out_channels, image_channels, **clamped)
            if is_residual:
                self.skip = Skip(
                    in_channels,
                    out_channels,
                    gain=_HALF,
                    resample_filter=resample_filter,
                    **shared,
                )
        if not in_channels:
            self.const = self._normal("const", (resolution, resolution, out_channels))

    def call(self, x, image, ws, *, noises):
        """Returns the features and image of this resolution from those of the one before.

        Args:
            x: [B, H / 2, W / 2, Cin]; None in the first block.
            image: [B, H / 2, W / 2, channels]; None where there is none yet.
            ws: [B, number of convolutions + 1, D].
            noises: a map or None for each convolution.
        """
        # The constant keeps its batch of one: the styles broadcast it to the batch,
        # which therefore need not be known.
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
    """Synthesis network: the blocks from 4 to the resolution.

    Args:
        widths: features of each block, by resolution, from 4 up.
        image_channels: channels of the image.
        others: as in `SynthesisBlock`.
    """

    def __init__(self, widths, *, image_channels, rng, name="synthesis", dtype=None, **others):
        super().__init__(rng=rng, name=name, dtype=dtype)
        with keras.name_scope(name):
            self.blocks = [
                SynthesisBlock(
                    widths.get(resolution // 2, 0),
                    width,
                    resolution=resolution,
                    is_last=resolution == max(widths),
                    image_channels=image_channels,
                    rng=rng,
                    dtype=dtype,
                    **others,
                )
                for resolution, width in widths.items()
            ]

    @property
    def convs(self) -> list[SynthesisLayer]:
        """The convolutions, in order."""
        return [layer for block in self.blocks for layer in block.convs]

    def call(self, ws, *, noises):
        """Maps ws [B, L, D] and a noise map (or None) a convolution to images."""
        x = image = None
        start = 0
        for block in self.blocks:
            end = start + len(block.convs)
            x, image = block(x, image, ws[:, start : end + 1], noises=noises[start:end])
            start = end
        return image
