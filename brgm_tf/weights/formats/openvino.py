"""OpenVINO IR (version 10) read as data: a graph of typed nodes and constant arrays.

Nothing is executed and OpenVINO is not needed. The `.xml` names layers, their
attributes and the edges between their ports; the `.bin` holds every constant at the
offset and size that its layer states, little-endian, row-major.

Reference: OpenVINO documentation, "Intermediate Representation and Operation Sets".
"""

from __future__ import annotations

import dataclasses
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError

_DTYPES = {"f32": "<f4", "f16": "<f2", "i64": "<i8", "i32": "<i4"}


@dataclasses.dataclass(frozen=True)
class Node:
    """One layer of the graph.

    Args:
        name: the layer's name.
        type: operation, such as 'MatMul'.
        attributes: the layer's `data` attributes, as text.
        inputs: for each input port in order, (id of the source node, its output's index).
    """

    name: str
    type: str
    attributes: dict[str, str]
    inputs: tuple[tuple[str, int], ...]


class Graph:
    """Nodes by id, in file order (topological), with their constants."""

    def __init__(self, nodes: dict[str, Node], blob: bytes):
        self.nodes = nodes
        self._blob = blob

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        return iter(self.nodes.items())

    def source(self, node: Node, index: int) -> Node:
        """The node that feeds input `index` of `node`."""
        return self.nodes[node.inputs[index][0]]

    def constant(self, node: Node) -> np.ndarray:
        """The array of a Const node, read-only."""
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
        layers = {layer.get("id"): layer for layer in root.find("layers")}
        edges = {
            (edge.get("to-layer"), edge.get("to-port")): (
                edge.get("from-layer"),
                edge.get("from-port"),
            )
            for edge in root.find("edges")
        }
        nodes = {key: _node(key, layer, layers, edges) for key, layer in layers.items()}
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            "generator", f"is an IR file whose layers and edges do not fit: {error!r}"
        ) from None
    return Graph(nodes, blob)


def _node(key: str, layer, layers, edges) -> Node:
    data = layer.find("data")
    inputs = []
    for port in layer.findall("input/port"):
        source, output = edges[key, port.get("id")]
        outputs = [item.get("id") for item in layers[source].findall("output/port")]
        inputs.append((source, outputs.index(output)))
    attributes = dict(data.attrib) if data is not None else {}
    return Node(layer.get("name"), layer.get("type"), attributes, tuple(inputs))
