"""StyleGAN2's residual discriminator, with the minibatch standard deviation.

Notation: images [B, H, W, C] in [-1, 1], logits [B]; a logit above zero calls its image
real. Block r (r = resolution, ..., 8) has conv0, conv1 (which halves the size) and skip;
the first block starts with fromrgb. The epilogue at 4 has conv, fc and out.

Weights are named 'b64/fromrgb/weight', 'b64/conv0/bias', 'b64/skip/weight',
'b4/conv/weight', 'b4/fc/weight', 'b4/out/bias'; convolutions are [kh, kw, in, out].

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), figure 7c; Karras et al., Progressive Growing of GANs
(arXiv 1710.10196), section 3, for the standard deviation.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from brgm_tf.generators.layers import add_weight
from brgm_tf.generators.stylegan2 import FullyConnected
from brgm_tf.ops.bias_act import bias_act
from brgm_tf.ops.upfirdn2d import downsample2d, setup_filter, upfirdn2d
from brgm_tf.training.config import GROUP_SIZE

_HALF = float(np.sqrt(0.5))
_SQRT2 = float(np.sqrt(2.0))


class Convolution(keras.layers.Layer):
    """Convolution with an equalised learning rate, bias and activation; halves the size if asked.

        y = clamp(gain * act(conv(x; weight / sqrt(kernel^2 in)) + bias))

    Args:
        in_channels, out_channels: features.
        kernel: 1 or 3.
        down: 1 or 2; before halving the size, features are low-passed.
        activation: a name of `generators.ops.ACTIVATIONS`.
        bias: whether there is one.
        gain: scale of the output.
        resample_filter: taps of `setup_filter`, used where down = 2.
        conv_clamp: largest magnitude of the output at gain 1, or None.
        rng: `numpy.random.Generator` that initial weights are drawn from.
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
        down=1,
        activation="lrelu",
        bias=True,
        gain=1.0,
        resample_filter=None,
        conv_clamp=None,
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.down = down
        self.activation = activation
        self.gain = gain * (_SQRT2 if activation == "lrelu" else 1.0)
        self.clamp = None if conv_clamp is None else conv_clamp * gain
        self.resample_filter = resample_filter
        self.weight_gain = 1 / np.sqrt(kernel**2 * in_channels).item()
        shape = (kernel, kernel, in_channels, out_channels)
        self.weight = add_weight(self, "weight", rng.standard_normal(shape), trainable=True)
        zeros = np.zeros(out_channels)
        self.bias = add_weight(self, "bias", zeros, trainable=True) if bias else None
        self.built = True

    def call(self, x):
        """Maps [B, H, W, in] to [B, H / down, W / down, out] in the compute dtype."""
        x = ops.cast(x, self.compute_dtype)
        weight = ops.cast(self.weight * self.weight_gain, self.compute_dtype)
        y = self._convolve(x, weight)
        return bias_act(y, self.bias, activation=self.activation, gain=self.gain, clamp=self.clamp)

    def _convolve(self, x, weight):
        if self.down == 1:
            return ops.conv(x, weight, padding="same", data_format="channels_last")
        if weight.shape[0] == 1:
            x = downsample2d(x, self.resample_filter)
            return ops.conv(x, weight, padding="valid", data_format="channels_last")
        # The padding of a 'same' kernel and that which centres the filter.
        taps = len(self.resample_filter)
        before = weight.shape[0] // 2 + (taps - self.down + 1) // 2
        after = weight.shape[0] // 2 + (taps - self.down) // 2
        x = upfirdn2d(x, self.resample_filter, padding=(before, after, before, after))
        return ops.conv(x, weight, strides=self.down, padding="valid", data_format="channels_last")


class Block(keras.layers.Layer):
    """Residual block of one resolution.

        y = (conv1(conv0(x)) + skip(x)) / sqrt(2)

    Args:
        in_channels, out_channels: features.
        options: of `Convolution`.
    """

    def __init__(self, in_channels, out_channels, *, name, dtype, **options):
        super().__init__(name=name, dtype=dtype, autocast=False)
        options = {"dtype": dtype, **options}
        with keras.name_scope(name):
            self.conv0 = Convolution(in_channels, in_channels, kernel=3, name="conv0", **options)
            self.conv1 = Convolution(
                in_channels, out_channels, kernel=3, down=2, gain=_HALF, name="conv1", **options
            )
            self.skip = Convolution(
                in_channels,
                out_channels,
                kernel=1,
                down=2,
                gain=_HALF,
                activation="linear",
                bias=False,
                name="skip",
                **{**options, "conv_clamp": None},
            )
        self.built = True

    def call(self, x):
        """Maps [B, H, W, in] to [B, H / 2, W / 2, out]."""
        return self.conv1(self.conv0(x)) + self.skip(x)


class Discriminator(keras.Model):
    """Residual discriminator.

    Args:
        resolution: height and width of the images, a power of two, at least 8.
        channels: of the images.
        channel_base, channel_max: features at resolution r are
            min(channel_base / r, channel_max).
        resample_filter: taps of the low-pass filter.
        conv_clamp: largest magnitude of what a convolution puts out, or None.
        seed: of the initial weights.
        dtype: Keras policy; a mixed one sets the dtype of convolutions only, and not that
            of the epilogue.
    """

    def __init__(
        self,
        resolution,
        *,
        channels=3,
        channel_base=32768,
        channel_max=512,
        resample_filter=(1, 3, 3, 1),
        conv_clamp=None,
        seed=0,
        dtype=None,
        name="discriminator",
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        rng = np.random.default_rng(seed)
        exact = "float64" if self.compute_dtype == "float64" else "float32"
        sizes = [2**k for k in range(resolution.bit_length() - 1, 1, -1)]
        widths = [min(channel_base // size, channel_max) for size in sizes]
        options = {
            "rng": rng,
            "dtype": self.dtype_policy,
            "resample_filter": setup_filter(resample_filter),
            "conv_clamp": conv_clamp,
        }
        last = widths[-1]
        with keras.name_scope(name):
            with keras.name_scope(f"b{resolution}"):
                self.fromrgb = Convolution(channels, widths[0], kernel=1, name="fromrgb", **options)
            self.blocks = [
                Block(*pair, name=f"b{size}", **options)
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

    def call(self, images):
        """Maps images [B, H, W, C] to logits [B]; B is a multiple of 4."""
        x = self.fromrgb(images)
        for block in self.blocks:
            x = block(x)
        x = ops.cast(x, self.conv.compute_dtype)
        x = ops.concatenate([x, minibatch_stddev(x, group_size=GROUP_SIZE)], axis=-1)
        x = self.conv(x)
        # The batch is what is not known when a graph is traced.
        x = self.fc(ops.reshape(x, (-1, int(np.prod(x.shape[1:])))))
        return self.out(x)[:, 0]


def minibatch_stddev(x, *, group_size):
    """How much the images of a group differ: one map, constant over each group.

        s = mean over h, w, c of sqrt(var over the group of x_hwc + 1e-8)

    Image i is in group i mod (B / group_size).

    Args:
        x: [B, H, W, C], B a multiple of the group's size.
        group_size: images a group.

    Returns:
        [B, H, W, 1].

    Reference: arXiv 1710.10196, section 3.
    """
    shape = tuple(x.shape[1:])
    groups = ops.reshape(x, (group_size, -1, *shape))
    centred = groups - ops.mean(groups, axis=0, keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(centred), axis=0) + 1e-8)
    value = ops.mean(deviation, axis=(1, 2, 3))
    value = ops.tile(value, (group_size,))
    return ops.ones_like(x[..., :1]) * value[:, None, None, None]
