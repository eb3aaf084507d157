"""A plain NumPy evaluator of OpenVINO IR version 10, which shares no code with brgm_tf.

It evaluates a graph node by node in float64, as OpenVINO's "Operation Sets" define the nodes.
Arrays are NCHW. Only the operations of MobileStyleGAN's files are supported.
"""

import itertools
import xml.etree.ElementTree as ElementTree
from graphlib import TopologicalSorter

import numpy as np

_ELEMENTS = {"f32": np.float32, "i32": np.int32, "i64": np.int64}


def evaluate(stem, parameters, *, dtype=np.float64, latents=None):
    """Evaluates STEM.xml with STEM.bin and returns the arrays of its Result nodes, in file order.

    Args:
        parameters: Dict from the names of Parameter nodes to arrays.
        dtype: Type of all floating-point arrays.
        latents: Dict from modules such as 'layers.0.up' to arrays [1, D], which replace the
            Parameter at the modulation MatMul. Every module must be in the graph.
    """
    layers, inputs = _read(stem.with_suffix(".xml"))
    blob = stem.with_suffix(".bin").read_bytes()
    latents = dict(latents or {})
    users = {}
    for sources in inputs.values():
        for source in sources:
            users[source] = users.get(source, 0) + 1
    values, results = {}, {}
    graph = {key: [source for source, _ in sources] for key, sources in inputs.items()}
    for key in TopologicalSorter(graph).static_order():
        layer, sources = layers[key], inputs[key]
        kind, data = layer.get("type"), _data(layer)
        arguments = [values[source] for source in sources]
        if kind == "Parameter":
            outputs = [np.asarray(parameters[layer.get("name")], dtype)]
        elif kind == "Const":
            outputs = [_constant(data, blob, dtype)]
        elif kind == "Result":
            results[key], outputs = arguments[0], []
        else:
            if kind == "MatMul" and latents and layers[sources[0][0]].get("type") == "Parameter":
                module = _module(layers[sources[1][0]].get("name"))
                arguments[0] = np.asarray(latents.pop(module), dtype)
            outputs = _OPERATIONS[kind](data, *arguments)
            outputs = outputs if isinstance(outputs, list) else [outputs]
        values.update(zip(_outputs(layer, key), outputs, strict=True))
        del arguments
        for source in sources:  # an array is freed after its last use
            users[source] -= 1
            if not users[source]:
                values.pop(source, None)
    if latents:
        raise ValueError(f"no such modulations in the graph: {sorted(latents)}")
    return [results[key] for key in layers if key in results]


def modulated_modules(stem):
    """Returns the modules of the MatMul nodes whose input is a Parameter."""
    layers, inputs = _read(stem.with_suffix(".xml"))
    return [
        _module(layers[inputs[key][1][0]].get("name"))
        for key, layer in layers.items()
        if layer.get("type") == "MatMul" and layers[inputs[key][0][0]].get("type") == "Parameter"
    ]


def _read(path):
    """Returns layers by id, and for each layer its inputs (id, port) in the order of its ports."""
    root = ElementTree.parse(path).getroot()
    layers = {layer.get("id"): layer for layer in root.iter("layer")}
    edges = {}
    for edge in root.iter("edge"):
        target = edges.setdefault(edge.get("to-layer"), {})
        target[int(edge.get("to-port"))] = (edge.get("from-layer"), edge.get("from-port"))
    inputs = {key: [s for _, s in sorted(edges.get(key, {}).items())] for key in layers}
    return layers, inputs


def _data(layer):
    data = layer.find("data")
    return {} if data is None else data.attrib


def _outputs(layer, key):
    return [(key, port.get("id")) for port in layer.iterfind("output/port")]


def _module(name):
    """Returns 'layers.0.conv1' for 'm.layers.0.conv1.conv.modulation.weight'."""
    words = name.split(".")
    if words[0] != "m" or words[-2:] != ["modulation", "weight"]:
        raise ValueError(f"no modulation: {name}")
    words = words[1:-2]
    return ".".join(words[:-1] if words[-1] == "conv" else words)


def _constant(data, blob, dtype):
    element, shape = _ELEMENTS[data["element_type"]], _integers(data["shape"])
    start = int(data["offset"])
    array = np.frombuffer(blob[start : start + int(data["size"])], element).reshape(shape)
    return array.astype(dtype) if element is np.float32 else array


def _integers(text):
    return [int(word) for word in text.split(",") if word.strip()]


def _flag(text):
    return {"true": True, "false": False}[text]


def _matmul(data, a, b):
    a = np.swapaxes(a, -1, -2) if _flag(data["transpose_a"]) else a
    return a @ (np.swapaxes(b, -1, -2) if _flag(data["transpose_b"]) else b)


def _prelu(_, x, slope):
    if slope.size != 1:
        slope = slope.reshape([1, -1] + [1] * (x.ndim - 2))
    return np.where(x < 0, x * slope, x)


def _reduce_mean(data, x, axes):
    return x.mean(axis=tuple(np.ravel(axes)), keepdims=_flag(data["keep_dims"]))


def _reshape(data, x, shape):
    if _flag(data["special_zero"]):
        shape = [x.shape[i] if n == 0 else n for i, n in enumerate(shape)]
    return x.reshape(shape)


def _gather(data, x, indices, axis):
    if int(data["batch_dims"]):
        raise NotImplementedError("batch_dims")
    return np.take(x, indices, axis=int(axis))


def _unsqueeze(_, x, axes):
    return np.expand_dims(x, tuple(np.ravel(axes)))


def _squeeze(_, x, axes):
    return np.squeeze(x, tuple(np.ravel(axes)))


def _variadic_split(_, x, axis, lengths):
    lengths = np.array(lengths)
    lengths[lengths == -1] = x.shape[int(axis)] - lengths[lengths != -1].sum()
    return np.split(x, np.cumsum(lengths)[:-1], axis=int(axis))


def _broadcast(data, x, shape):
    if data["mode"] == "bidirectional":
        shape = np.broadcast_shapes(x.shape, tuple(shape))
    elif data["mode"] != "numpy":
        raise NotImplementedError(data["mode"])
    return np.broadcast_to(x, tuple(shape))


def _tile(_, x, repeats):
    return np.tile(x, tuple(repeats))


def _check_plain(data, *, strides):
    expected = {"strides": strides, "dilations": [1, 1], "output_padding": [0, 0]}
    for name, value in expected.items():
        if name in data and _integers(data[name]) != list(value):
            raise NotImplementedError(f"{name} {data[name]}")
    if data.get("auto_pad", "explicit") != "explicit":
        raise NotImplementedError(data["auto_pad"])


def _windows(data, x, height, width):
    """Yields the shifted views of the padded x, one for each tap of a kernel."""
    _check_plain(data, strides=[1, 1])
    (top, left), (bottom, right) = _integers(data["pads_begin"]), _integers(data["pads_end"])
    x = np.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)])
    rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
    for i, j in itertools.product(range(height), range(width)):
        yield (i, j), x[:, :, i : i + rows, j : j + columns]


def _convolution(data, x, kernel):
    """Convolves with a kernel [out, in, h, w], by one matrix product for each tap."""
    total = 0
    for (i, j), view in _windows(data, x, *kernel.shape[2:]):
        product = kernel[:, :, i, j] @ view.reshape(*view.shape[:2], -1)
        total = total + product.reshape(view.shape[0], -1, *view.shape[2:])
    return total


def _group_convolution(data, x, kernel):
    """Convolves with a kernel [groups, out, in, h, w] with one channel in and out a group."""
    if kernel.shape[:3] != (x.shape[1], 1, 1):
        raise NotImplementedError(f"groups of {kernel.shape}")
    total = None
    for (i, j), view in _windows(data, x, *kernel.shape[3:]):
        product = view * kernel[:, 0, 0, i, j][:, None, None]
        total = product if total is None else np.add(total, product, out=total)
    return total


def _group_convolution_transposed(data, x, kernel):
    """Replaces each pixel by a block, with a kernel [groups, in, out, h, w] of one channel each."""
    height, width = kernel.shape[3:]
    _check_plain(data, strides=[height, width])
    if kernel.shape[:3] != (x.shape[1], 1, 1) or any(
        _integers(data["pads_begin"]) + _integers(data["pads_end"])
    ):
        raise NotImplementedError(f"groups of {kernel.shape}, or padding")
    batch, channels, rows, columns = x.shape
    y = np.empty((batch, channels, rows * height, columns * width), x.dtype)
    for i, j in itertools.product(range(height), range(width)):
        y[:, :, i::height, j::width] = x * kernel[:, 0, 0, i, j][:, None, None]
    return y


_OPERATIONS = {
    "Add": lambda _, a, b: a + b,
    "Multiply": lambda _, a, b: a * b,
    "Power": lambda _, a, b: a**b,
    "MatMul": _matmul,
    "PReLU": _prelu,
    "ReduceMean": _reduce_mean,
    "Reshape": _reshape,
    "Concat": lambda data, *arrays: np.concatenate(arrays, axis=int(data["axis"])),
    "Gather": _gather,
    "ShapeOf": lambda _, x: np.array(x.shape, np.int64),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "VariadicSplit": _variadic_split,
    "Broadcast": _broadcast,
    "Tile": _tile,
    "Convolution": _convolution,
    "GroupConvolution": _group_convolution,
    "GroupConvolutionBackpropData": _group_convolution_transposed,
}
