"""OpenVINO IR (version 10) as data: a graph of typed nodes and constant arrays.

Nothing is executed, and OpenVINO is not needed. The `.xml` file has layers, their attributes and
the edges between their ports. The `.bin` file has the constants, little-endian and row-major, at
the offsets and with the sizes that the layers state.

Reference: OpenVINO documentation, "Intermediate Representation and Operation Sets".
"""

from __future__ import annotations

import dataclasses
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError

_DTYPES = {"f32": "<f4", "f16": "<f2", "i64": "<i8", "i32": "<i4"}


@dataclasses.dataclass(frozen=True)
class Node:
    """One layer of the graph.

    Args:
        name: Name of the layer.
        type: Operation, such as 'MatMul'.
        attributes: Attributes of the layer's `data`, as text.
        inputs: (id of the source node, index of its output) for each input port in order.
    """

    name: str
    type: str
    attributes: dict[str, str]
    inputs: tuple[tuple[str, int], ...]


class Graph:
    """Nodes and constants of a network.

    Args:
        nodes: Nodes by id, in the order of the file, which is topological.
        blob: Contents of the .bin file.
    """

    def __init__(self, nodes: dict[str, Node], blob: bytes):
        self.nodes = nodes
        self._blob = blob

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        return iter(self.nodes.items())

    def source(self, node: Node, index: int) -> Node:
        """Returns the node that feeds input `index` of `node`."""
        return self.nodes[node.inputs[index][0]]

    def constant(self, node: Node) -> np.ndarray:
        """Returns the array of a Const node, read-only.

        Raises:
            InputError: the type is unknown, or the constant does not fit the .bin file.
        """
        data = node.attributes
        shape = tuple(int(n) for n in data["shape"].split(",")) if data["shape"] else ()
        if data["element_type"] not in _DTYPES:
            raise InputError(
                "generator",
                f"constant '{node.name}' of the IR file must be one of " + ", ".join(_DTYPES),
                element_type=data["element_type"],
            )
        dtype = np.dtype(_DTYPES[data["element_type"]])
        offset, size = int(data["offset"]), int(data["size"])
        if size != math.prod(shape) * dtype.itemsize or not 0 <= offset <= len(self._blob) - size:
            raise InputError(
                "generator",
                f"constant '{node.name}' of the IR file does not fit its .bin file",
                remedy="Fetch the file again",
                shape=shape,
                size=size,
            )
        return np.frombuffer(self._blob, dtype, math.prod(shape), offset).reshape(shape)


def read_graph(stem: Path) -> Graph:
    """Reads STEM.xml and STEM.bin.

    Args:
        stem: Path of the files without their suffixes.

    Raises:
        InputError: a file is missing or is not an IR of version 10.
    """
    try:
        root = ElementTree.parse(stem.with_suffix(".xml")).getroot()
        blob = stem.with_suffix(".bin").read_bytes()
    except (OSError, ElementTree.ParseError) as error:
        raise InputError("generator", f"cannot be read as OpenVINO IR: {error}") from None
    if root.tag != "net" or root.get("version") != "10":
        raise InputError("generator", "must be OpenVINO IR version 10", version=root.get("version"))
    try:
        layers = {layer.attrib["id"]: layer for layer in _children(root, "layers")}
        edges = {
            (edge.get("to-layer"), edge.get("to-port")): (
                edge.attrib["from-layer"],
                edge.attrib["from-port"],
            )
            for edge in _children(root, "edges")
        }
        nodes = {key: _node(key, layer, layers, edges) for key, layer in layers.items()}
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            "generator", f"is an IR file whose layers and edges do not match: {error!r}"
        ) from None
    return Graph(nodes, blob)


def _children(root: ElementTree.Element, name: str) -> ElementTree.Element:
    element = root.find(name)
    if element is None:
        raise ValueError(f"there are no {name}")
    return element


def _node(key: str, layer, layers: Mapping, edges: Mapping) -> Node:
    data = layer.find("data")
    inputs = []
    for port in layer.findall("input/port"):
        source, output = edges[key, port.get("id")]
        outputs = [item.get("id") for item in layers[source].findall("output/port")]
        inputs.append((source, outputs.index(output)))
    attributes = dict(data.attrib) if data is not None else {}
    return Node(layer.get("name"), layer.get("type"), attributes, tuple(inputs))
