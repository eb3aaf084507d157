"""MobileStyleGAN: StyleGAN2 distilled into depthwise-separable convolutions and wavelets.

Notation: w [B, D]; ws [B, 23, D], one latent for each modulation, in this order:
`conv1`, then `up`, `conv1`, `conv2` of layers 0 to 6, then `to_img`. A style is
s = w A + b, one number for each channel. Each level predicts the Haar coefficients of the
next: 4 n channels at H x W become n channels at 2H x 2W.

Reference: Belousov, MobileStyleGAN (arXiv 2104.04767), sections 3.1 to 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from brgm_tf.generators.base import Generator
from brgm_tf.generators.mobile_stylegan_files import MODULATIONS, NUM_LAYERS
from brgm_tf.ops.bias_act import bias_act
from brgm_tf.ops.modulated_conv2d import normalize_2nd_moment


def inverse_haar(x: Any) -> Any:
    """Computes the inverse Haar wavelet transform of [B, H, W, 4n] as [B, 2H, 2W, n].

        y[2i + a, 2j + b] = (ll + (-1)^a lh + (-1)^b hl + (-1)^(a + b) hh)[i, j] / 2

    Args:
        x: The four bands ll, lh (vertical detail), hl and hh, n channels each.

    Example:
        >>> inverse_haar(np.ones([1, 1, 1, 4], "float32")).numpy()[0, :, :, 0].tolist()
        [[2.0, 0.0], [0.0, 0.0]]
    """
    _, height, width, channels = x.shape
    ll, lh, hl, hh = ops.split(x * 0.5, 4, axis=-1)
    sums, differences = (ll + lh, ll - lh), (hl + hh, hl - hh)
    rows = [
        ops.stack([s + d, s - d], axis=3) for s, d in zip(sums, differences, strict=True)
    ]  # for a = 0, 1: [B, H, W, 2 (b), n]
    return ops.reshape(ops.stack(rows, axis=2), (-1, 2 * height, 2 * width, channels // 4))


def depthwise_conv3x3(x: Any, kernel: Any) -> Any:
    """Correlates each channel with one 3 x 3 kernel, with zero padding.

    Nine shifted products compute it. With XLA on a CPU, they are six times faster, gradient
    included, than the depthwise convolution.

    Args:
        x: Features [B, H, W, C].
        kernel: Kernels [3, 3, C].
    """
    _, height, width, _ = x.shape
    padded = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return sum(
        padded[:, i : i + height, j : j + width] * kernel[i, j] for i in range(3) for j in range(3)
    )


class MobileStyleGAN(Generator):
    """The distilled generator of 1024 x 1024 RGB faces.

    Args:
        arrays: Arrays from `mobile_stylegan_files.read_arrays`.
        name: Name of the model.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], *, name: str = "mobile_stylegan"):
        super().__init__(name=name, trainable=False)
        self._arrays = {key: self._constant(key, value) for key, value in arrays.items()}
        self.z_dim, self.w_dim = arrays["mapping.0.weight"].shape
        self.num_ws = len(MODULATIONS)
        start = arrays["const"].shape[1]
        self.resolution = start * 2 ** (NUM_LAYERS + 1)
        self.channels = arrays[f"{MODULATIONS[-1]}.weight"].shape[-1] // 4
        self.num_mapping_layers = sum(key.startswith("mapping.") for key in arrays) // 2
        self.built = True

    def _constant(self, name: str, value: np.ndarray):
        weight = self.add_weight(
            name=name.replace(".", "_"), shape=value.shape, dtype="float32", trainable=False
        )
        weight.assign(value)
        return weight

    @property
    def arrays(self) -> Mapping[str, Any]:
        """The weights by their names in `mobile_stylegan_files.read_arrays`."""
        return self._arrays

    @property
    def adaptable_weights(self) -> list[Any]:
        parts = ("depthwise", "weight", "bias")
        names = [f"{name}.{part}" for name in MODULATIONS for part in parts]
        return [self._arrays[name] for name in names if name in self._arrays]

    def mapping(self, z: Any) -> Any:
        """Maps z [B, Z] to w [B, D]: eight layers of leaky ReLU on the normalised z."""
        x = normalize_2nd_moment(ops.cast(ops.convert_to_tensor(z), "float32"))
        for i in range(self.num_mapping_layers):
            x = ops.matmul(x, self._arrays[f"mapping.{i}.weight"])
            x = bias_act(x, self._arrays[f"mapping.{i}.bias"], activation="lrelu")
        return x

    def synthesis(self, ws: Any) -> Any:
        """Maps ws [B, 23, D], in the order of `MODULATIONS`, to images [B, 1024, 1024, 3]."""
        ws = ops.convert_to_tensor(ws)
        # A broadcast, because a tile by a dynamic batch size cannot be exported.
        x = self._arrays["const"] + ops.zeros_like(ws[:, :1, None, :1])
        x = self._modulated_conv(x, ws, "conv1")
        for i in range(NUM_LAYERS):
            x = inverse_haar(x * self._style(ws, f"layers.{i}.up"))
            x = self._modulated_conv(x, ws, f"layers.{i}.conv1")
            x = self._modulated_conv(x, ws, f"layers.{i}.conv2")
        name = MODULATIONS[-1]
        x = self._convolve(x * self._style(ws, name), name) + self._arrays[f"{name}.bias"]
        return inverse_haar(x)

    def _style(self, ws, name: str):
        w = ws[:, MODULATIONS.index(name)]
        style = ops.matmul(w, self._arrays[f"{name}.affine.weight"])
        return (style + self._arrays[f"{name}.affine.bias"])[:, None, None, :]

    def _modulated_conv(self, x, ws, name: str):
        x = self._convolve(x * self._style(ws, name), name) + self._arrays[f"{name}.noise"]
        return bias_act(x, self._arrays[f"{name}.bias"], activation="lrelu", gain=1.0)

    def _convolve(self, x, name: str):
        depthwise = self._arrays.get(f"{name}.depthwise")
        if depthwise is not None:
            x = depthwise_conv3x3(x, depthwise)
        weight = self._arrays[f"{name}.weight"]
        if weight.shape[0] == 1:
            # A matrix product is faster than a 1 x 1 convolution with XLA on a CPU.
            return ops.einsum("bhwc,cd->bhwd", x, weight[0, 0])
        return ops.conv(x, weight, padding="same")

    def get_config(self):
        raise TypeError("MobileStyleGAN has no config: build it from its arrays.")
