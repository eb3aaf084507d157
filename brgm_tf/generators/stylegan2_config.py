"""Options of a StyleGAN2 network, checked before TensorFlow is imported."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, one_of

ARCHITECTURES = ("skip", "resnet", "orig")
# Scaling of z and the embedded label e before the first layer, with n(x) = x / rms(x):
#   'separate'  [n(z), n(e)]
#   'joint'     n([z, e])
#   'none'      [z, e]
# The embedding has a bias only if e is scaled by itself.
NORMALIZATIONS = ("separate", "joint", "none")


@dataclasses.dataclass(frozen=True)
class StyleGAN2Config:
    """Options of StyleGAN2's mapping and synthesis networks.

    Args:
        resolution: Height and width of the images, a power of two from 4 to 1024.
        channels: 1 (grey) or 3 (RGB); default 3.
        z_dim: Size of a normal code z; default 512.
        w_dim: Size of a latent w; default 512.
        c_dim: Size of a label; default 0, a network without labels.
        channel_base: Numerator of the number of features: a block of resolution r has
            min(channel_base / r, channel_max) features. Default 32768 (config f); config e
            has 16384.
        channel_max: Largest number of features of a layer; default 512.
        mapping_depth: Number of layers of the mapping network; default 8.
        mapping_width: Number of features between these layers; default w_dim.
        mapping_activation: Name of a row of `ops.ACTIVATIONS`; default 'lrelu'.
        mapping_lr_multiplier: Learning rate of the mapping network relative to the
            synthesis network; default 0.01.
        embedding_width: Number of features of an embedded label; default w_dim.
        normalization: Scaling of z and the embedded label, one of `NORMALIZATIONS`; default
            'separate'. NVIDIA's first release has 'joint'.
        architecture: Architecture of the synthesis network, one of `ARCHITECTURES`;
            default 'skip'.
        kernel_size: Height and width of the kernels, odd; default 3.
        activation: Activation of the synthesis network, a name of a row of
            `ops.ACTIVATIONS`; default 'lrelu'.
        use_noise: Whether the convolutions add noise; default True.
        conv_clamp: Largest magnitude of a convolution's output; None sets no limit.
            Checkpoints trained in half precision have 256.
        resample_filter: Taps of the low-pass filter; default (1, 3, 3, 1).

    Raises:
        InputError: An option cannot be used.

    Reference: Karras et al. (arXiv 1912.04958), table 1 (configs e and f) and figure 7.

    Example:
        >>> StyleGAN2Config(64, channel_base=1024).widths
        {4: 256, 8: 128, 16: 64, 32: 32, 64: 16}
    """

    resolution: int
    channels: int = 3
    z_dim: int = 512
    w_dim: int = 512
    c_dim: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    mapping_depth: int = 8
    mapping_width: int | None = None
    mapping_activation: str = "lrelu"
    mapping_lr_multiplier: float = 0.01
    embedding_width: int | None = None
    normalization: str = "separate"
    architecture: str = "skip"
    kernel_size: int = 3
    activation: str = "lrelu"
    use_noise: bool = True
    conv_clamp: float | None = None
    resample_filter: Any = (1, 3, 3, 1)

    def __post_init__(self):
        _check_resolution(self.resolution)
        if min(self.widths.values()) < 1:
            raise InputError(
                "channel_base",
                "must leave at least one feature at the full resolution",
                remedy=f"Use {self.resolution} or more",
                channel_base=self.channel_base,
            )
        if self.channels not in (1, 3):
            raise InputError("channels", "must be 1 (grey) or 3 (RGB)", channels=self.channels)
        if self.kernel_size % 2 != 1:
            raise InputError("kernel_size", "must be odd", kernel_size=self.kernel_size)
        checked("architecture", self.architecture, one_of(*ARCHITECTURES))
        checked("normalization", self.normalization, one_of(*NORMALIZATIONS))
        for name in ("mapping_width", "embedding_width"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.w_dim)
        # Lists, as JSON holds them.
        object.__setattr__(self, "resample_filter", np.asarray(self.resample_filter).tolist())

    @property
    def widths(self) -> dict[int, int]:
        """Number of features of each block, by resolution, from 4 up."""
        steps = [2**k for k in range(2, self.resolution.bit_length())]
        return {step: min(self.channel_base // step, self.channel_max) for step in steps}

    @property
    def embedded_features(self) -> int:
        """Number of features of an embedded label, 0 without labels."""
        return int(self.embedding_width or 0) if self.c_dim else 0

    @property
    def mapping_sizes(self) -> list[int]:
        """Sizes of the input and of each layer's output of the mapping network."""
        hidden = [int(self.mapping_width or 0)] * (self.mapping_depth - 1)
        return [self.z_dim + self.embedded_features, *hidden, self.w_dim]

    @property
    def num_ws(self) -> int:
        """Number of latents of an image, L = 2 log2(resolution) - 2."""
        return 2 * len(self.widths)


def _check_resolution(resolution) -> None:
    if (
        isinstance(resolution, bool)
        or not isinstance(resolution, int)
        or not 4 <= resolution <= 1024
        or resolution & (resolution - 1)
    ):
        raise InputError(
            "resolution", "must be a power of two from 4 to 1024", resolution=resolution
        )
