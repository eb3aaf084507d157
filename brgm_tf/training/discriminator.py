"""StyleGAN2's residual discriminator, with the minibatch standard deviation.

Notation: images [B, H, W, C] in [-1, 1], logits [B]; a logit above zero classifies its image
as real. Block r (r = resolution, ..., 8) has conv0, conv1 (which halves the size) and skip;
the first block starts with fromrgb. The epilogue at 4 has conv, fc and out.

Weights are named 'b64/fromrgb/weight', 'b64/conv0/bias', 'b64/skip/weight',
'b4/conv/weight', 'b4/fc/weight', 'b4/out/bias'; convolutions are [kh, kw, in, out].

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), figure 7c; Karras et al., Progressive Growing of GANs
(arXiv 1710.10196), section 3, for the standard deviation.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from brgm_tf.generators.layers import FullyConnected, add_weight
from brgm_tf.ops.bias_act import bias_act
from brgm_tf.ops.upfirdn2d import downsample2d, setup_filter, upfirdn2d
from brgm_tf.training.config import GROUP_SIZE

_HALF = float(np.sqrt(0.5))
_SQRT2 = float(np.sqrt(2.0))


class Convolution(keras.layers.Layer):
    """Convolution with an equalised learning rate, bias and leaky ReLU.

        y = clamp(gain * act(conv(x; weight / sqrt(kernel^2 in)) + bias))

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        kernel: Height and width of the kernel, 1 or 3.
        low_pass: Taps of `setup_filter`, which filter x before the size is halved; None
            keeps the size.
        is_linear: Whether the layer has neither bias nor activation; default False.
        gain: Scale of the output; default 1.
        conv_clamp: Largest magnitude of the output at gain 1, or None.
        rng: `numpy.random.Generator` that draws the initial weights.
        name: Name of the layer.
        dtype: Policy of the layer.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        *,
        kernel,
        rng,
        name,
        dtype,
        low_pass=None,
        is_linear=False,
        gain=1.0,
        conv_clamp=None,
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.activation = "linear" if is_linear else "lrelu"
        self.gain = gain if is_linear else gain * _SQRT2
        self.clamp = None if conv_clamp is None else conv_clamp * gain
        self.low_pass = low_pass
        self.weight_gain = 1 / np.sqrt(kernel**2 * in_channels).item()
        shape = (kernel, kernel, in_channels, out_channels)
        self.weight = add_weight(self, "weight", rng.standard_normal(shape), trainable=True)
        zeros = np.zeros(out_channels)
        self.bias = None if is_linear else add_weight(self, "bias", zeros, trainable=True)
        self.built = True

    def call(self, x: Any) -> Any:
        """Maps [B, H, W, in] to [B, H, W, out], or half the size, in the compute dtype."""
        x = ops.cast(x, self.compute_dtype)
        weight = ops.cast(self.weight * self.weight_gain, self.compute_dtype)
        y = self._convolve(x, weight)
        return bias_act(y, self.bias, activation=self.activation, gain=self.gain, clamp=self.clamp)

    def _convolve(self, x, weight):
        if self.low_pass is None:
            return ops.conv(x, weight, padding="same", data_format="channels_last")
        if weight.shape[0] == 1:
            x = downsample2d(x, self.low_pass)
            return ops.conv(x, weight, padding="valid", data_format="channels_last")
        # The padding of a 'same' kernel, and the padding that centres the filter.
        taps = len(self.low_pass)
        before = weight.shape[0] // 2 + (taps - 1) // 2
        after = weight.shape[0] // 2 + (taps - 2) // 2
        x = upfirdn2d(x, self.low_pass, padding=(before, after, before, after))
        return ops.conv(x, weight, strides=2, padding="valid", data_format="channels_last")


class Block(keras.layers.Layer):
    """Residual block of one resolution.

        y = (conv1(conv0(x)) + skip(x)) / sqrt(2)

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        low_pass: Taps of `setup_filter`.
        conv_clamp: As in `Convolution`.
        rng, name, dtype: As in `Convolution`.
    """

    def __init__(self, in_channels, out_channels, *, low_pass, conv_clamp, rng, name, dtype):
        super().__init__(name=name, dtype=dtype, autocast=False)
        shared = {"rng": rng, "dtype": dtype}
        halved = {"low_pass": low_pass, "gain": _HALF, **shared}
        with keras.name_scope(name):
            self.conv0 = Convolution(
                in_channels, in_channels, kernel=3, conv_clamp=conv_clamp, name="conv0", **shared
            )
            self.conv1 = Convolution(
                in_channels, out_channels, kernel=3, conv_clamp=conv_clamp, name="conv1", **halved
            )
            self.skip = Convolution(
                in_channels, out_channels, kernel=1, is_linear=True, name="skip", **halved
            )
        self.built = True

    def call(self, x: Any) -> Any:
        """Maps [B, H, W, in] to [B, H / 2, W / 2, out]."""
        return self.conv1(self.conv0(x)) + self.skip(x)


class Discriminator(keras.Model):
    """Residual discriminator.

    Args:
        resolution: Height and width of the images, a power of two, at least 8.
        channels: Number of channels of the images; default 3.
        channel_base: Numerator of the number of features: a block of resolution r has
            min(channel_base / r, channel_max). Default 32768.
        channel_max: Largest number of features of a layer; default 512.
        resample_filter: Taps of the low-pass filter; default (1, 3, 3, 1).
        conv_clamp: Largest magnitude of a convolution's output, or None.
        seed: Seed of the initial weights; default 0.
        dtype: Keras policy. A mixed policy sets the dtype of convolutions before the epilogue.
        name: Name of the model.

    Example:
        >>> discriminator = Discriminator(8, channels=1, channel_base=32)
        >>> discriminator(np.zeros([4, 8, 8, 1], "float32")).shape
        TensorShape([4])
    """

    def __init__(
        self,
        resolution: int,
        *,
        channels: int = 3,
        channel_base: int = 32768,
        channel_max: int = 512,
        resample_filter: Any = (1, 3, 3, 1),
        conv_clamp: float | None = None,
        seed: int = 0,
        dtype: Any = None,
        name: str = "discriminator",
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        rng = np.random.default_rng(seed)
        exact = "float64" if self.compute_dtype == "float64" else "float32"
        sizes = [2**k for k in range(resolution.bit_length() - 1, 1, -1)]
        widths = [min(channel_base // size, channel_max) for size in sizes]
        options = {"rng": rng, "dtype": self.dtype_policy, "conv_clamp": conv_clamp}
        low_pass = setup_filter(resample_filter)
        last = widths[-1]
        with keras.name_scope(name):
            with keras.name_scope(f"b{resolution}"):
                self.fromrgb = Convolution(channels, widths[0], kernel=1, name="fromrgb", **options)
            self.blocks = [
                Block(*pair, low_pass=low_pass, name=f"b{size}", **options)
                for size, *pair in zip(sizes, widths[:-1], widths[1:], strict=False)
            ]
            with keras.name_scope("b4"):
                options = {"rng": rng, "dtype": exact}
                self.conv = Convolution(
                    last + 1, last, kernel=3, name="conv", conv_clamp=conv_clamp, **options
                )
                self.fc = FullyConnected(last * 16, last, activation="lrelu", name="fc", **options)
                self.out = FullyConnected(last, 1, name="out", **options)
        self.built = True

    # Each update augments the generated images anew.
    shares_projections = False

    def calibrate(self, images: Any) -> None:
        """Does nothing, because this discriminator has no fixed features."""

    def project(self, images: Any) -> Any:
        """Returns the images, because this discriminator has no fixed features."""
        return images

    def call(self, images: Any) -> Any:
        """Maps images [B, H, W, C] to logits [B]; B is a multiple of 4."""
        x = self.fromrgb(images)
        for block in self.blocks:
            x = block(x)
        x = ops.cast(x, self.conv.compute_dtype)
        x = ops.concatenate([x, minibatch_stddev(x, group_size=GROUP_SIZE)], axis=-1)
        x = self.conv(x)
        # The batch size may be unknown while a graph is traced.
        x = self.fc(ops.reshape(x, (-1, int(np.prod(x.shape[1:])))))
        return self.out(x)[:, 0]


def minibatch_stddev(x: Any, *, group_size: int) -> Any:
    """Returns the standard deviation within each group of images, as one constant map.

        s = mean over h, w, c of sqrt(var over the group of x_hwc + 1e-8)

    Image i is in group i mod (B / group_size).

    Args:
        x: Features [B, H, W, C], B a multiple of the group size.
        group_size: Number of images in a group.

    Returns:
        Map [B, H, W, 1].

    Reference: arXiv 1710.10196, section 3.
    """
    shape = tuple(x.shape[1:])
    groups = ops.reshape(x, (group_size, -1, *shape))
    centred = groups - ops.mean(groups, axis=0, keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(centred), axis=0) + 1e-8)
    value = ops.mean(deviation, axis=(1, 2, 3))
    value = ops.tile(value, (group_size,))
    return ops.ones_like(x[..., :1]) * value[:, None, None, None]
