"""Layers of StyleGAN2's generator, with the official scalings.

Notation: B images, w [B, D] a latent, x [B, H, W, Cin] features, s [B, Cin] the styles
affine(w). Dense weights are [in, out], convolutions [kh, kw, in, out].

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), figure 2 and appendix B.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from brgm_tf.ops.bias_act import ACTIVATIONS, bias_act
from brgm_tf.ops.modulated_conv2d import ConstantWeight, modulated_conv2d
from brgm_tf.ops.upfirdn2d import upsample2d


class BuiltLayer(keras.layers.Layer):
    """Base of the layers below: built at construction, weights never below float32.

    Args:
        rng: `numpy.random.Generator` that initial weights are drawn from, so that
            they are the same on every backend.
        name, dtype: as in Keras. A mixed policy sets the dtype of convolutions only.
    """

    def __init__(self, *, rng, name, dtype):
        # Inputs keep their dtype: latents stay float32 under a mixed policy.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self._rng = rng
        self.built = True

    @property
    def weight_dtype(self) -> str:
        return weight_dtype(self)

    def _normal(self, name, shape, *, scale=1.0, trainable=True):
        value = self._rng.standard_normal(shape) * scale
        return add_weight(self, name, value, trainable=trainable)

    def _constant(self, name, shape, value):
        return add_weight(self, name, np.full(shape, value), trainable=True)


class FullyConnected(BuiltLayer):
    """Dense layer with an equalised learning rate.

        y = act(x (weight * lr_multiplier / sqrt(in)) + bias * lr_multiplier)

    Args:
        in_features: size of the input.
        out_features: size of the output.
        activation: a name of `ops.ACTIVATIONS`.
        use_bias: whether there is a bias.
        bias_init: initial effective bias.
        lr_multiplier: learning rate relative to the rest of the network.

    Reference: Karras et al., Progressive Growing of GANs (arXiv 1710.10196), section 4.1.
    """

    def __init__(
        self,
        in_features,
        out_features,
        *,
        activation="linear",
        use_bias=True,
        bias_init=0.0,
        lr_multiplier=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.activation = activation
        self.weight_gain = lr_multiplier / np.sqrt(in_features).item()
        self.bias_gain = lr_multiplier
        self.weight = self._normal("weight", (in_features, out_features), scale=1 / lr_multiplier)
        self.bias = None
        if use_bias:
            self.bias = self._constant("bias", (out_features,), bias_init / lr_multiplier)

    def call(self, x):
        """Maps x [B, in] to [B, out], in the dtype of the weights."""
        x = ops.matmul(ops.cast(x, self.weight_dtype), self.weight * self.weight_gain)
        bias = None if self.bias is None else self.bias * self.bias_gain
        return bias_act(x, bias, activation=self.activation)


class SynthesisLayer(BuiltLayer):
    """Modulated convolution, noise, bias and activation.

        y = gain * clamp(act(conv(x; weight, s) + noise * noise_strength + bias))

    Args:
        in_channels, out_channels: features.
        w_dim: D.
        resolution: height and width of the output.
        kernel_size: height and width of the kernel, odd.
        up: 1 or 2.
        activation: a name of `ops.ACTIVATIONS`.
        use_noise: whether noise is added.
        gain: scale of the output.
        resample_filter: taps of `ops.setup_filter`.
        conv_clamp: largest magnitude before the gain, or None.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        *,
        w_dim,
        resolution,
        kernel_size,
        up,
        activation,
        use_noise,
        resample_filter,
        conv_clamp,
        rng,
        name,
        dtype,
        gain=1.0,
    ):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.resolution = resolution
        self.up = up
        self.activation = activation
        self.use_noise = use_noise
        self.gain = ACTIVATIONS[activation].gain * gain
        self.clamp = None if conv_clamp is None else conv_clamp * gain
        self.resample_filter = resample_filter
        with keras.name_scope(name):
            self.affine = _affine(w_dim, in_channels, rng=rng, dtype=dtype)
        shape = (kernel_size, kernel_size, in_channels, out_channels)
        self.weight = self._normal("weight", shape)
        self.bias = self._constant("bias", (out_channels,), 0.0)
        if use_noise:
            shape = (resolution, resolution)
            self.noise_const = self._normal("noise_const", shape, trainable=False)
            self.noise_strength = self._constant("noise_strength", (), 0.0)
        self._constant_weight = None

    def freeze(self):
        """Takes the convolution's weight, as it is now, for a constant."""
        self._constant_weight = ConstantWeight(
            np.asarray(self.weight), up=self.up, dtype=self.compute_dtype
        )

    def call(self, x, w, *, noise=None):
        """Maps x [B or 1, h, h, Cin], w [B, D], noise [B or 1, H, H, 1] to [B, H, H, Cout]."""
        x = modulated_conv2d(
            ops.cast(x, self.compute_dtype),
            self._constant_weight or self.weight,
            self.affine(w),
            up=self.up,
            resample_filter=self.resample_filter,
            noise=None if noise is None else noise * self.noise_strength,
        )
        return bias_act(x, self.bias, activation=self.activation, gain=self.gain, clamp=self.clamp)


class ToRGB(BuiltLayer):
    """Modulated 1x1 convolution to the image's channels, without demodulation.

        y = clamp(conv(x; weight, s / sqrt(Cin)) + bias)

    Args:
        in_channels: features.
        channels: channels of the image.
        w_dim: D.
        conv_clamp: largest magnitude of the output, or None.
    """

    def __init__(self, in_channels, channels, *, w_dim, conv_clamp, rng, name="torgb", dtype=None):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.conv_clamp = conv_clamp
        self.weight_gain = 1 / np.sqrt(in_channels).item()
        with keras.name_scope(name):
            self.affine = _affine(w_dim, in_channels, rng=rng, dtype=dtype)
        self.weight = self._normal("weight", (1, 1, in_channels, channels))
        self.bias = self._constant("bias", (channels,), 0.0)

    def call(self, x, w):
        """Maps x [B, H, W, Cin], w [B, D] to [B, H, W, channels], in the dtype of the weights."""
        styles = self.affine(w) * self.weight_gain
        y = modulated_conv2d(ops.cast(x, self.compute_dtype), self.weight, styles, demodulate=False)
        return ops.cast(bias_act(y, self.bias, clamp=self.conv_clamp), self.weight_dtype)


class Skip(BuiltLayer):
    """Residual branch of a block: 1x1 convolution, then upsampling by two.

        y = gain * upsample(conv(x; weight / sqrt(Cin)))

    Args:
        in_channels, out_channels: features.
        gain: scale of the output.
        resample_filter: taps of `ops.setup_filter`.
    """

    def __init__(
        self, in_channels, out_channels, *, gain, resample_filter, rng, name="skip", dtype=None
    ):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.gain = gain
        self.resample_filter = resample_filter
        self.weight_gain = 1 / np.sqrt(in_channels).item()
        self.weight = self._normal("weight", (1, 1, in_channels, out_channels))

    def call(self, x):
        """Maps x [B, H, W, Cin] to [B, 2 H, 2 W, Cout]."""
        weight = ops.cast(self.weight * self.weight_gain, self.compute_dtype)
        # The convolution of single pixels commutes with the filter, and is cheaper before it.
        y = ops.conv(ops.cast(x, self.compute_dtype), weight, data_format="channels_last")
        return upsample2d(y, self.resample_filter, gain=self.gain)


def _affine(w_dim, in_channels, *, rng, dtype) -> FullyConnected:
    """Latent to style: starts as one plus a random linear map."""
    return FullyConnected(w_dim, in_channels, bias_init=1.0, rng=rng, name="affine", dtype=dtype)


def weight_dtype(layer) -> str:
    """Dtype of a layer's weights, latents and images: float32, or float64 under that policy."""
    return "float64" if layer.compute_dtype == "float64" else "float32"


def add_weight(layer, name, value, *, trainable):
    """Adds a weight that no policy casts: each use says its dtype."""
    dtype = weight_dtype(layer)
    return layer.add_weight(
        name=name,
        shape=value.shape,
        dtype=dtype,
        initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype=dtype),
        trainable=trainable,
        autocast=False,
    )
