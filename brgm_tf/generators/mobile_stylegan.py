"""MobileStyleGAN: StyleGAN2 distilled into depthwise-separable convolutions and wavelets.

Notation: w [B, D]; ws [B, 23, D], one latent for each modulation, in this order:
`conv1`, then `up`, `conv1`, `conv2` of layers 0 to 6, then `to_img`. A style is
s = w A + b, one number a channel. Each level predicts the Haar coefficients of the
next: 4 n channels at H x W become n channels at 2H x 2W.

Reference: Belousov, MobileStyleGAN (arXiv 2104.04767), sections 3.1 to 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.generators.base import Generator
from brgm_tf.ops.bias_act import bias_act
from brgm_tf.ops.modulated_conv2d import normalize_2nd_moment
from brgm_tf.weights.formats.openvino import Graph, read_graph

NUM_LAYERS = 7
# To be changed with `read_arrays`: converted arrays are cached under it.
ARRAYS_VERSION = "mobile-stylegan-1"
# The order of the latents, one for each modulation MatMul of the network.
MODULATIONS = (
    "conv1",
    *(f"layers.{i}.{part}" for i in range(NUM_LAYERS) for part in ("up", "conv1", "conv2")),
    f"layers.{NUM_LAYERS - 1}.to_img",
)


def inverse_haar(x):
    """Inverse Haar wavelet transform, [B, H, W, 4n] to [B, 2H, 2W, n].

        y[2i + a, 2j + b] = (ll + (-1)^a lh + (-1)^b hl + (-1)^(a + b) hh)[i, j] / 2

    Args:
        x: the four bands ll, lh (vertical detail), hl, hh, n channels each.
    """
    _, height, width, channels = x.shape
    ll, lh, hl, hh = ops.split(x * 0.5, 4, axis=-1)
    sums, differences = (ll + lh, ll - lh), (hl + hh, hl - hh)
    rows = [
        ops.stack([s + d, s - d], axis=3) for s, d in zip(sums, differences, strict=True)
    ]  # for a = 0, 1: [B, H, W, 2 (b), n]
    return ops.reshape(ops.stack(rows, axis=2), (-1, 2 * height, 2 * width, channels // 4))


def depthwise_conv3x3(x, kernel):
    """Correlation of each channel with its own 3 x 3 kernel, zero padding.

    As nine shifted products: under XLA on a CPU this is six times faster, gradient
    included, than the depthwise convolution.

    Args:
        x: [B, H, W, C].
        kernel: [3, 3, C].
    """
    _, height, width, _ = x.shape
    padded = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return sum(
        padded[:, i : i + height, j : j + width] * kernel[i, j] for i in range(3) for j in range(3)
    )


class MobileStyleGAN(Generator):
    """The distilled generator of 1024 x 1024 RGB faces; weights by `from_arrays`.

    Args:
        arrays: as `read_arrays` makes them.
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

    def mapping(self, z):
        """Maps z [B, Z] to w [B, D]: eight layers of leaky ReLU on the normalised z."""
        x = normalize_2nd_moment(ops.cast(ops.convert_to_tensor(z), "float32"))
        for i in range(self.num_mapping_layers):
            x = ops.matmul(x, self._arrays[f"mapping.{i}.weight"])
            x = bias_act(x, self._arrays[f"mapping.{i}.bias"], activation="lrelu")
        return x

    def synthesis(self, ws):
        """Maps ws [B, 23, D], in the order of `MODULATIONS`, to images [B, 1024, 1024, 3]."""
        ws = ops.convert_to_tensor(ws)
        # Broadcast, not tiled: a tile by a dynamic batch size cannot be exported.
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
            # A matrix product: faster than a 1 x 1 convolution under XLA on a CPU.
            return ops.einsum("bhwc,cd->bhwd", x, weight[0, 0])
        return ops.conv(x, weight, padding="same")

    def get_config(self):
        raise TypeError("MobileStyleGAN is rebuilt from its arrays, not from a config.")


def from_folder(folder: Path) -> MobileStyleGAN:
    """The generator of {Mapping,Synthesis}Network.{xml,bin} in `folder`."""
    return MobileStyleGAN(read_arrays(folder))


def read_arrays(folder: Path) -> dict[str, np.ndarray]:
    """Reads the IR files of the `random-face` wheel into arrays in our layout.

    Kernels become HWIO, matrices [in, out]. The constant that scales a style is
    multiplied into its affine map. The channels that feed an inverse Haar transform
    are sorted into its four bands (the IR keeps the three details of a channel together).

    Raises:
        InputError: the graph is not the one expected: a tensor is missing or left over.
    """
    arrays = _mapping_arrays(read_graph(folder / "MappingNetwork"))
    arrays.update(_synthesis_arrays(read_graph(folder / "SynthesisNetwork")))
    return arrays


def _mapping_arrays(graph: Graph) -> dict[str, np.ndarray]:
    arrays = {}
    weights = [graph.source(node, 1) for _, node in graph if node.type == "MatMul"]
    biases = [graph.source(node, 0) for _, node in graph if node.type == "Reshape"]
    if len(weights) != len(biases) or not weights:
        raise _unexpected("mapping", matrices=len(weights), biases=len(biases))
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        arrays[f"mapping.{i}.weight"] = graph.constant(weight).T
        arrays[f"mapping.{i}.bias"] = graph.constant(bias)
    return arrays


def _synthesis_arrays(graph: Graph) -> dict[str, np.ndarray]:
    arrays = {}
    for key, node in graph:
        if node.type == "MatMul":
            arrays.update(_affine(graph, key))
        elif node.type == "Add" and _constant_name(graph, node).endswith(".bias"):
            if "modulation" not in _constant_name(graph, node):
                arrays.update(_convolution(graph, node))
        elif node.type == "Const" and node.name == "m.input.input":
            arrays["const"] = _nhwc(graph.constant(node))
    _check_complete(arrays)
    _sort_bands(arrays)
    return arrays


def _affine(graph: Graph, key: str) -> dict[str, np.ndarray]:
    """The style's affine map of one MatMul, with the constant scale that follows it."""
    matmul = graph.nodes[key]
    name = _module(_constant_name(graph, matmul), ".modulation.weight")
    add_key, add = next(_users(graph, key))
    scale = 1.0
    for reshape_key, _ in _users(graph, add_key):
        for _, user in _users(graph, reshape_key):
            if user.type == "Multiply" and graph.source(user, 1).type == "Const":
                scale = graph.constant(graph.source(user, 1)).item()
    return {
        f"{name}.affine.weight": graph.constant(graph.source(matmul, 1)).T * np.float32(scale),
        f"{name}.affine.bias": graph.constant(graph.source(add, 1))[0] * np.float32(scale),
    }


def _convolution(graph: Graph, add_bias) -> dict[str, np.ndarray]:
    """Kernel, depthwise kernel, noise and bias of the convolution that ends in `add_bias`."""
    name = _module(_constant_name(graph, add_bias), ".bias")
    arrays = {f"{name}.bias": graph.constant(graph.source(add_bias, 1)).ravel()}
    node = graph.source(add_bias, 0)
    if node.type == "Add":
        arrays[f"{name}.noise"] = _nhwc(graph.constant(graph.source(node, 1)))
        node = graph.source(node, 0)
    arrays[f"{name}.weight"] = graph.constant(graph.source(node, 1)).transpose(2, 3, 1, 0)
    before = graph.source(node, 0)
    if before.type == "GroupConvolution":
        kernel = graph.constant(graph.source(before, 1))  # [C, 1, 1, 3, 3]
        arrays[f"{name}.depthwise"] = kernel[:, 0, 0].transpose(1, 2, 0)
    return arrays


def _sort_bands(arrays: dict[str, np.ndarray]) -> None:
    feeds = ["conv1", *(f"layers.{i}.conv2" for i in range(NUM_LAYERS - 1)), MODULATIONS[-1]]
    for i, name in enumerate(feeds):
        keys = [f"{name}.weight", f"{name}.bias"]
        if i < NUM_LAYERS:  # the style of `up` scales the same channels
            keys += [f"layers.{i}.up.affine.weight", f"layers.{i}.up.affine.bias"]
        n = arrays[f"{name}.bias"].size // 4
        order = np.concatenate([np.arange(n), *(n + k + 3 * np.arange(n) for k in range(3))])
        for key in keys:
            arrays[key] = arrays[key][..., order]


def _check_complete(arrays: Mapping[str, np.ndarray]) -> None:
    expected = {"const"}
    for name in MODULATIONS:
        expected |= {f"{name}.affine.weight", f"{name}.affine.bias"}
        if not name.endswith(".up"):
            expected |= {f"{name}.weight", f"{name}.bias"}
            if name != MODULATIONS[-1]:
                expected.add(f"{name}.noise")
                if name != "conv1":
                    expected.add(f"{name}.depthwise")
    if set(arrays) != expected:
        raise _unexpected(
            "synthesis",
            missing=sorted(expected - set(arrays)),
            extra=sorted(set(arrays) - expected),
        )


def _users(graph: Graph, key: str):
    return ((k, n) for k, n in graph if any(source == key for source, _ in n.inputs))


def _constant_name(graph: Graph, node) -> str:
    source = graph.source(node, 1)
    return source.name if source.type == "Const" else ""


def _module(name: str, suffix: str) -> str:
    """'m.layers.0.conv1.conv.modulation.weight' -> 'layers.0.conv1'."""
    return name.removeprefix("m.").removesuffix(suffix).removesuffix(".conv")


def _nhwc(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1)


def _unexpected(part: str, **received) -> InputError:
    return InputError(
        "generator", f"is not MobileStyleGAN: its {part} network has other tensors", **received
    )
