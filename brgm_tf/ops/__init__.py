"""Arithmetic of networks: activations, FIR resampling, modulated and constant convolutions."""

from brgm_tf.ops.bias_act import ACTIVATIONS, bias_act
from brgm_tf.ops.constant_conv import ConstantConv
from brgm_tf.ops.modulated_conv2d import ConstantWeight, modulated_conv2d, normalize_2nd_moment
from brgm_tf.ops.upfirdn2d import downsample2d, filter2d, setup_filter, upfirdn2d, upsample2d

__all__ = [
    "ACTIVATIONS",
    "ConstantConv",
    "ConstantWeight",
    "bias_act",
    "downsample2d",
    "filter2d",
    "modulated_conv2d",
    "normalize_2nd_moment",
    "setup_filter",
    "upfirdn2d",
    "upsample2d",
]
