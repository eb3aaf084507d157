"""Discriminator on random projections of fixed features: Projected GAN.

Notation: f_l [B, S_l, S_l, C_l] are fixed features of the images at depth l = 1, ..., L, the most
detailed first; S_l is half of the size before. A_l [1, 1, C_l, K_l] and B_l [3, 3, K_(l+1), K_l]
are fixed random kernels, with K_l = 2^(l-1) K_1.

    across channels   a_l = conv(f_l; A_l)
    across scales     p_L = a_L,   p_l = a_l + enlarged(conv(p_(l+1); B_l))

    standardised      q_l = (p_l - m_l) / d_l

with the mean m_l and the standard deviation d_l of p_l for real images, by channel. Head l maps
q_l to a small map of logits, and its convolutions have spectral norm 1. The logits [B, N] of all
heads and positions are above zero for real. The mixing spreads the information of all depths over
all channels, so that the heads cannot rely on a few features.

Weights are named 'head0/down0/weight', 'head0/logits/bias', and 'mean0' and 'deviation0', which
are not trained; convolutions are [kh, kw, in, out].

Reference: Sauer et al., Projected GANs Converge Faster (arXiv 2111.01007), section 3; Miyato et
al., Spectral Normalization for Generative Adversarial Networks (arXiv 1802.05957); He et al.,
Delving Deep into Rectifiers (arXiv 1502.01852), for the initial weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from brgm_tf.generators.layers import add_weight
from brgm_tf.ops.constant_conv import ConstantConv

_SLOPE = 0.2
_EPSILON = 1e-3
# Height and width of the last hidden features of a head, and of the kernel of its logits.
_END, _KERNEL = 8, 4
# Squarings of a Gram matrix: as many as 2^5 iterations of the power method.
_SQUARINGS = 5
# Number of images of a batch in the calibration.
_BATCH = 32


class Projection:
    """Fixed random mixing of features across channels and scales, without variables.

    Args:
        channels: Numbers of channels C_l.
        width: Number of channels K_1 of the most detailed projection.
        seed: Seed of the kernels.
        dtype: Dtype of the convolutions; default 'float32'.

    Example:
        >>> projection = Projection([3, 5], width=2, seed=0)
        >>> features = [np.ones([1, 4, 4, 3], "float32"), np.ones([1, 2, 2, 5], "float32")]
        >>> [tuple(p.shape) for p in projection(features)]
        [(1, 4, 4, 2), (1, 2, 2, 4)]
    """

    def __init__(self, channels: Sequence[int], *, width: int, seed: int, dtype: str = "float32"):
        rng = np.random.default_rng((seed, 3))
        self.widths = [width * 2**level for level in range(len(channels))]
        self._channels = [
            ConstantConv(_he(rng, 1, *pair), dtype=dtype)
            for pair in zip(channels, self.widths, strict=True)
        ]
        self._scales = [
            ConstantConv(_he(rng, 3, wide, narrow), dtype=dtype)
            for narrow, wide in itertools.pairwise(self.widths)
        ]

    def __call__(self, features: Sequence) -> list:
        """Maps features f_l to projections p_l."""
        mixed = [conv(x) for conv, x in zip(self._channels, features, strict=True)]
        deepest = mixed.pop()
        projected = [deepest]
        for x, conv in zip(reversed(mixed), reversed(self._scales), strict=True):
            projected.append(x + _enlarged(conv(projected[-1]), like=x))
        return projected[::-1]


class SpectralConvolution(keras.layers.Layer):
    """Convolution whose weight, as a matrix [kh kw in, out], has spectral norm 1.

        y = act(conv(x; weight / s(weight)) + bias)

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        kernel: Height and width of the kernel.
        stride: Stride; default 1.
        padding: 'same' or 'valid'; default 'same'.
        is_linear: Whether the layer has no leaky ReLU; default False.
        rng: `numpy.random.Generator` that draws the initial weights.
        name: Name of the layer.
        dtype: Policy of the layer.

    Reference: arXiv 1802.05957, section 2.1. The norm is computed anew for each update, so no
        state is kept.
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
        stride=1,
        padding="same",
        is_linear=False,
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.stride, self.padding, self.is_linear = stride, padding, is_linear
        weight = _he(rng, kernel, in_channels, out_channels)
        self.weight = add_weight(self, "weight", weight, trainable=True)
        self.bias = add_weight(self, "bias", np.zeros(out_channels), trainable=True)
        self.built = True

    def call(self, x: Any) -> Any:
        """Maps [B, H, W, in] to [B, H', W', out] in the compute dtype."""
        weight = ops.convert_to_tensor(self.weight)
        norm = spectral_norm(ops.reshape(weight, (-1, weight.shape[-1])))
        y = ops.conv(
            ops.cast(x, self.compute_dtype),
            ops.cast(weight / norm, self.compute_dtype),
            strides=self.stride,
            padding=self.padding,
            data_format="channels_last",
        )
        y = y + ops.cast(self.bias, self.compute_dtype)
        return y if self.is_linear else ops.leaky_relu(y, _SLOPE)


class Head(keras.layers.Layer):
    """Small discriminator of one projection: halves the size down to 8, then maps to logits.

    Args:
        size: Height and width of the projection.
        channels: Number of channels of the projection.
        max_channels: Largest number of hidden features.
        rng, name, dtype: As in `SpectralConvolution`.
    """

    def __init__(self, size, channels, *, max_channels, rng, name, dtype):
        super().__init__(name=name, dtype=dtype, autocast=False)
        options = {"rng": rng, "dtype": dtype}
        steps = [(4, 2)] * max(0, (size // _END).bit_length() - 1) or [(3, 1)]
        with keras.name_scope(name):
            self.downs = []
            for i, (kernel, stride) in enumerate(steps):
                width = min(channels * stride, max_channels)
                self.downs.append(
                    SpectralConvolution(
                        channels, width, kernel=kernel, stride=stride, name=f"down{i}", **options
                    )
                )
                channels, size = width, size // stride
            self.logits = SpectralConvolution(
                channels,
                1,
                kernel=min(_KERNEL, size),
                padding="valid",
                is_linear=True,
                name="logits",
                **options,
            )
        self.built = True

    def call(self, x: Any) -> Any:
        """Maps projections [B, S, S, K] to logits [B, n] of all positions."""
        for down in self.downs:
            x = down(x)
        logits = self.logits(x)
        return ops.reshape(logits, (-1, int(np.prod(logits.shape[1:]))))


class ProjectedDiscriminator(keras.Model):
    """One head for each depth of fixed features; the logits are `model(model.project(images))`.

    The heads do not normalise a batch: generated images of another contrast would pass for real.

    Args:
        features: Function from images to a list of features [B, S_l, S_l, C_l], such as
            `vgg_features.VGG16Features`. It has no trained variables.
        resolution: Height and width of the images.
        channels: Number of channels of the images.
        width: Number of channels K_1 of the most detailed projection; default 64.
        max_channels: Largest number of hidden features of a head; default 128.
        seed: Seed of the projection and of the initial weights; default 0.
        dtype: Keras policy. A mixed policy sets the dtype of convolutions.
        name: Name of the model.

    Example:
        >>> def halves(images):
        ...     return [images[:, ::2, ::2], images[:, ::4, ::4]]
        >>> model = ProjectedDiscriminator(halves, resolution=8, channels=1, width=2)
        >>> model(model.project(np.zeros([4, 8, 8, 1], "float32"))).shape
        TensorShape([4, 2])
    """

    # The features of generated images are costly, so both updates use the same ones.
    shares_projections = True

    def __init__(
        self,
        features: Callable,
        *,
        resolution: int,
        channels: int = 3,
        width: int = 64,
        max_channels: int = 128,
        seed: int = 0,
        dtype: Any = None,
        name: str = "discriminator",
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        image = np.zeros((1, resolution, resolution, channels), "float32")
        shapes = [tuple(feature.shape) for feature in features(image)]
        self._features = features
        self._projection = Projection(
            [shape[-1] for shape in shapes], width=width, seed=seed, dtype=self.compute_dtype
        )
        rng = np.random.default_rng(seed)
        options = {"max_channels": max_channels, "rng": rng, "dtype": self.dtype_policy}
        with keras.name_scope(name):
            self.heads = [
                Head(shape[1], wide, name=f"head{level}", **options)
                for level, (shape, wide) in enumerate(
                    zip(shapes, self._projection.widths, strict=True)
                )
            ]
        self._means, self._deviations = (
            [
                add_weight(self, f"{kind}{level}", np.full(wide, value), trainable=False)
                for level, wide in enumerate(self._projection.widths)
            ]
            for kind, value in (("mean", 0.0), ("deviation", 1.0))
        )
        self.built = True

    def calibrate(self, images: np.ndarray) -> None:
        """Sets the means m_l and deviations d_l by real images [N, H, W, C] in [-1, 1]."""
        batches = [self._projected(images[i : i + _BATCH]) for i in range(0, len(images), _BATCH)]
        for level, parts in enumerate(zip(*batches, strict=True)):
            values = np.concatenate([ops.convert_to_numpy(ops.cast(x, "float32")) for x in parts])
            self._means[level].assign(values.mean(axis=(0, 1, 2)))
            self._deviations[level].assign(values.std(axis=(0, 1, 2)) + _EPSILON)

    def project(self, images: Any) -> list:
        """Maps images [B, H, W, C] in [-1, 1] to standardised projections q_l."""
        return [
            ops.cast((ops.cast(x, mean.dtype) - mean) / deviation, self.compute_dtype)
            for x, mean, deviation in zip(
                self._projected(images), self._means, self._deviations, strict=True
            )
        ]

    def _projected(self, images):
        features = self._features(images)
        return self._projection([ops.cast(x, self.compute_dtype) for x in features])

    def call(self, projections: list) -> Any:
        """Maps projections q_l to logits [B, N] of all heads and positions."""
        logits = [head(x) for head, x in zip(self.heads, projections, strict=True)]
        return ops.cast(ops.concatenate(logits, axis=1), self.variable_dtype)


def spectral_norm(matrix: Any) -> Any:
    """Returns the largest singular value of a matrix W [n, m], by the power method.

        s = || W v ||,   v = G^32 1 / || G^32 1 ||,   G = W^T W

    The gradient holds v constant, so it equals u v^T with the singular vectors u and v.

    Args:
        matrix: Matrix [n, m].

    Example:
        >>> float(spectral_norm(ops.convert_to_tensor(np.diag([3.0, 1.0]))))
        3.0
    """
    if matrix.shape[0] < matrix.shape[1]:
        matrix = ops.transpose(matrix)
    power = ops.stop_gradient(ops.matmul(ops.transpose(matrix), matrix))
    for _ in range(_SQUARINGS):
        # Without the division, the powers would overflow.
        power = power / ops.trace(power)
        power = ops.matmul(power, power)
    vector = ops.sum(power, axis=1, keepdims=True)
    vector = ops.stop_gradient(vector / ops.norm(vector))
    return ops.norm(ops.matmul(matrix, vector))


def _he(rng, kernel, inputs, outputs) -> np.ndarray:
    """Draws a kernel [kernel, kernel, inputs, outputs] by He's rule."""
    shape = (kernel, kernel, inputs, outputs)
    return (rng.standard_normal(shape) * np.sqrt(2 / (kernel**2 * inputs))).astype("float32")


def _enlarged(x, *, like):
    size = tuple(like.shape[1:3])
    enlarged = ops.image.resize(ops.cast(x, "float32"), size, data_format="channels_last")
    return ops.cast(enlarged, x.dtype)
