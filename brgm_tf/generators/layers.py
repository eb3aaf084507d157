"""Layers of StyleGAN2's generator, with the official scalings.

Notation: B images, w [B, D] a latent, x [B, H, W, Cin] features, s [B, Cin] the styles
affine(w). Dense weights are [in, out], convolutions [kh, kw, in, out].

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), figure 2 and appendix B.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from brgm_tf.generators.stylegan2_config import StyleGAN2Config
from brgm_tf.ops.bias_act import ACTIVATIONS, bias_act
from brgm_tf.ops.modulated_conv2d import ConstantWeight, modulated_conv2d
from brgm_tf.ops.upfirdn2d import setup_filter, upsample2d


class BuiltLayer(keras.layers.Layer):
    """Base class of the layers below: built at construction, weights in at least float32.

    Args:
        rng: `numpy.random.Generator` that draws the initial weights, so that they are the
            same on every backend.
        name: Name of the layer, as in Keras.
        dtype: Policy, as in Keras. A mixed policy sets the dtype of convolutions only.
    """

    def __init__(self, *, rng, name, dtype):
        # Without autocast, latents stay float32 under a mixed policy.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self._rng = rng
        self.built = True

    @property
    def weight_dtype(self) -> str:
        """Dtype of the weights."""
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
        in_features: Size of the input.
        out_features: Size of the output.
        activation: Name of a row of `ops.ACTIVATIONS`; default 'linear'.
        use_bias: Whether the layer has a bias; default True.
        bias_init: Initial effective bias; default 0.
        lr_multiplier: Learning rate relative to the rest of the network; default 1.
        kwargs: Arguments of `BuiltLayer`.

    Reference: Karras et al., Progressive Growing of GANs (arXiv 1710.10196), section 4.1.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        activation: str = "linear",
        use_bias: bool = True,
        bias_init: float = 0.0,
        lr_multiplier: float = 1.0,
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

    def call(self, x: Any) -> Any:
        """Maps x [B, in] to [B, out], in the dtype of the weights."""
        x = ops.matmul(ops.cast(x, self.weight_dtype), self.weight * self.weight_gain)
        bias = None if self.bias is None else self.bias * self.bias_gain
        return bias_act(x, bias, activation=self.activation)


class SynthesisLayer(BuiltLayer):
    """Modulated convolution, noise, bias and activation.

        y = gain * clamp(act(conv(x; weight, s) + noise * noise_strength + bias))

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        config: Options of the network.
        resolution: Height and width of the output.
        up: Upsampling factor, 1 or 2.
        gain: Scale of the output; default 1.
        rng, name, dtype: As in `BuiltLayer`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        config: StyleGAN2Config,
        resolution: int,
        up: int,
        rng,
        name,
        dtype,
        gain: float = 1.0,
    ):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.resolution = resolution
        self.up = up
        self.activation = config.activation
        self.use_noise = config.use_noise
        self.gain = ACTIVATIONS[config.activation].gain * gain
        self.clamp = None if config.conv_clamp is None else config.conv_clamp * gain
        self.resample_filter = setup_filter(config.resample_filter)
        with keras.name_scope(name):
            self.affine = _affine(config.w_dim, in_channels, rng=rng, dtype=dtype)
        size = config.kernel_size
        self.weight = self._normal("weight", (size, size, in_channels, out_channels))
        self.bias = self._constant("bias", (out_channels,), 0.0)
        if self.use_noise:
            shape = (resolution, resolution)
            self.noise_const = self._normal("noise_const", shape, trainable=False)
            self.noise_strength = self._constant("noise_strength", (), 0.0)
        self._constant_weight: ConstantWeight | None = None
        self._frozen_value: Any = None

    def freeze(self) -> None:
        """Makes the current weight of the convolution a constant, except in a stateless scope."""
        self._frozen_value = self.weight.value
        self._constant_weight = ConstantWeight(
            np.asarray(self.weight), up=self.up, dtype=self.compute_dtype
        )

    def call(self, x: Any, w: Any, *, noise: Any = None) -> Any:
        """Maps x [B or 1, h, h, Cin], w [B, D], noise [B or 1, H, H, 1] to [B, H, H, Cout]."""
        x = modulated_conv2d(
            ops.cast(x, self.compute_dtype),
            self._current_weight(),
            self.affine(w),
            up=self.up,
            resample_filter=self.resample_filter,
            noise=None if noise is None else noise * self.noise_strength,
        )
        return bias_act(x, self.bias, activation=self.activation, gain=self.gain, clamp=self.clamp)

    def _current_weight(self):
        # A `keras.StatelessScope` replaces the value of the weight by another tensor.
        is_frozen = self._constant_weight is not None and self.weight.value is self._frozen_value
        return self._constant_weight if is_frozen else self.weight


class ToRGB(BuiltLayer):
    """Modulated 1 x 1 convolution to the channels of the image, without demodulation.

        y = clamp(conv(x; weight, s / sqrt(Cin)) + bias)

    Args:
        in_channels: Number of input features.
        config: Options of the network.
        rng, name, dtype: As in `BuiltLayer`.
    """

    def __init__(
        self, in_channels: int, *, config: StyleGAN2Config, rng, name: str = "torgb", dtype=None
    ):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.conv_clamp = config.conv_clamp
        self.weight_gain = 1 / np.sqrt(in_channels).item()
        with keras.name_scope(name):
            self.affine = _affine(config.w_dim, in_channels, rng=rng, dtype=dtype)
        self.weight = self._normal("weight", (1, 1, in_channels, config.channels))
        self.bias = self._constant("bias", (config.channels,), 0.0)

    def call(self, x: Any, w: Any) -> Any:
        """Maps x [B, H, W, Cin], w [B, D] to [B, H, W, channels], in the dtype of the weights."""
        styles = self.affine(w) * self.weight_gain
        y = modulated_conv2d(ops.cast(x, self.compute_dtype), self.weight, styles, demodulate=False)
        return ops.cast(bias_act(y, self.bias, clamp=self.conv_clamp), self.weight_dtype)


class Skip(BuiltLayer):
    """Residual branch of a block: 1 x 1 convolution, then upsampling by two.

        y = gain * upsample(conv(x; weight / sqrt(Cin)))

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        config: Options of the network.
        gain: Scale of the output.
        rng, name, dtype: As in `BuiltLayer`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        config: StyleGAN2Config,
        gain: float,
        rng,
        name: str = "skip",
        dtype=None,
    ):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.gain = gain
        self.resample_filter = setup_filter(config.resample_filter)
        self.weight_gain = 1 / np.sqrt(in_channels).item()
        self.weight = self._normal("weight", (1, 1, in_channels, out_channels))
        self.bias = None

    def call(self, x: Any) -> Any:
        """Maps x [B, H, W, Cin] to [B, 2 H, 2 W, Cout]."""
        weight = ops.cast(self.weight * self.weight_gain, self.compute_dtype)
        # A 1 x 1 convolution commutes with the filter, and is cheaper before it.
        y = ops.conv(ops.cast(x, self.compute_dtype), weight, data_format="channels_last")
        return upsample2d(y, self.resample_filter, gain=self.gain)


def _affine(w_dim, in_channels, *, rng, dtype) -> FullyConnected:
    """Returns the map from latent to style, at first one plus a random linear map."""
    return FullyConnected(w_dim, in_channels, bias_init=1.0, rng=rng, name="affine", dtype=dtype)


def weight_dtype(layer: Any) -> str:
    """Returns the dtype of a layer's weights, latents and images.

    It is float64 under that policy, else float32.
    """
    return "float64" if layer.compute_dtype == "float64" else "float32"


def add_weight(layer: Any, name: str, value: np.ndarray, *, trainable: bool) -> Any:
    """Adds a weight that no policy casts; each use names its dtype."""
    dtype = weight_dtype(layer)
    return layer.add_weight(
        name=name,
        shape=value.shape,
        dtype=dtype,
        initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype=dtype),
        trainable=trainable,
        autocast=False,
    )
