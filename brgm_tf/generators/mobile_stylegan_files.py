"""Reader of MobileStyleGAN's OpenVINO IR files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats.openvino import Graph, read_graph

NUM_LAYERS = 7
# Key of the converted arrays in the cache: change it together with `read_arrays`.
ARRAYS_VERSION = "mobile-stylegan-1"
# Order of the latents, one for each modulation MatMul of the network.
MODULATIONS = (
    "conv1",
    *(f"layers.{i}.{part}" for i in range(NUM_LAYERS) for part in ("up", "conv1", "conv2")),
    f"layers.{NUM_LAYERS - 1}.to_img",
)


def read_arrays(folder: Path) -> dict[str, np.ndarray]:
    """Reads the IR files of the `random-face` wheel into arrays in our layout.

    Kernels become HWIO, matrices [in, out]. The affine map of a style absorbs the constant
    that scales the style. The channels before an inverse Haar transform are sorted into
    four bands, because the IR keeps the three details of a channel together.

    Args:
        folder: Folder with MappingNetwork and SynthesisNetwork, each as .xml and .bin.

    Raises:
        InputError: A tensor of the graph is missing or left over.
    """
    arrays = _mapping_arrays(read_graph(folder / "MappingNetwork"))
    arrays.update(_synthesis_arrays(read_graph(folder / "SynthesisNetwork")))
    return arrays


def array_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Returns the shapes that the arrays must have for the numbers of features that they imply.

    Args:
        shapes: Shapes of the arrays by name.

    Raises:
        KeyError, ValueError, IndexError: An array is missing, or has too few axes.
    """
    z_dim, w_dim = shapes["mapping.0.weight"]
    expected = {"const": (1, *[shapes["const"][1]] * 2, shapes["const"][-1])}
    for i in range(sum(name.startswith("mapping.") for name in shapes) // 2):
        expected[f"mapping.{i}.weight"] = (w_dim if i else z_dim, w_dim)
        expected[f"mapping.{i}.bias"] = (w_dim,)
    _, size, _, features = expected["const"]
    for name in MODULATIONS:
        expected[f"{name}.affine.weight"] = (w_dim, features)
        expected[f"{name}.affine.bias"] = (features,)
        if name.endswith(".up"):
            size, features = 2 * size, features // 4
            continue
        kernel, _, _, outputs = shapes[f"{name}.weight"]
        expected[f"{name}.weight"] = (kernel, kernel, features, outputs)
        expected[f"{name}.bias"] = (outputs,)
        if name not in ("conv1", MODULATIONS[-1]):
            expected[f"{name}.depthwise"] = (3, 3, features)
        if name != MODULATIONS[-1]:
            expected[f"{name}.noise"] = (1, size, size, 1)
        features = outputs
    return expected


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
    """Returns the affine map of a style from its MatMul and the scale after it."""
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
    """Returns the arrays of the convolution that ends in `add_bias`."""
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


def _users(graph: Graph, key: str) -> Iterator:
    return ((k, n) for k, n in graph if any(source == key for source, _ in n.inputs))


def _constant_name(graph: Graph, node) -> str:
    source = graph.source(node, 1)
    return source.name if source.type == "Const" else ""


def _module(name: str, suffix: str) -> str:
    """Returns 'layers.0.conv1' for 'm.layers.0.conv1.conv.modulation.weight'."""
    return name.removeprefix("m.").removesuffix(suffix).removesuffix(".conv")


def _nhwc(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1)


def _unexpected(part: str, **received) -> InputError:
    return InputError(
        "generator",
        f"must be MobileStyleGAN, but the {part} network has other tensors",
        **received,
    )
