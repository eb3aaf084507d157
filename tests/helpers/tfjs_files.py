"""Layers models of TensorFlow.js: a small subset of ESRGAN's layers."""

import json

import numpy as np


def conv(name, source, *, filters, size=3):
    config = {"name": name, "filters": filters, "kernel_size": [size, size], "padding": "same"}
    return layer("Conv2D", config, [source])


def layer(kind, config, sources):
    nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
    return {"class_name": kind, "config": config, "name": config["name"], "inbound_nodes": nodes}


def residual_layers():
    """Returns layers of SR(shuffle(p(x + 0.2 b([x, relu(a(x))])))), each letter a convolution."""
    return [
        layer("InputLayer", {"batch_input_shape": [None, None, None, 3], "name": "x"}, []),
        conv("a", "x", filters=2),
        layer("Activation", {"name": "relu", "activation": "relu"}, ["a"]),
        layer("Concatenate", {"name": "concat", "axis": 3}, ["x", "relu"]),
        conv("b", "concat", filters=3),
        layer("MultiplyBeta", {"name": "times", "beta": 0.2}, ["b"]),
        layer("Add", {"name": "sum"}, ["x", "times"]),
        conv("p", "sum", filters=12),
        layer("PixelShuffle2x", {"name": "shuffle", "scale": 2}, ["p"]),
        conv("SR", "shuffle", filters=3, size=1),
    ]


def residual_arrays(rng):
    """Returns the arrays of `residual_layers` in the order of the manifest, not of the layers."""
    shapes = {"b": (3, 3, 5, 3), "SR": (1, 1, 3, 3), "a": (3, 3, 3, 2), "p": (3, 3, 3, 12)}
    return {
        f"{name}/{part}": rng.normal(size=size).astype("<f4")
        for name, shape in shapes.items()
        for part, size in (("kernel", shape), ("bias", shape[-1:]))
    }


def write(folder, layers, arrays, *, shard_size=100, **changed):
    """Writes model.json and shards that split arrays, and returns the path of model.json."""
    data = b"".join(array.tobytes() for array in arrays.values())
    shards = [data[start : start + shard_size] for start in range(0, len(data), shard_size)]
    paths = [f"group1-shard{i + 1}of{len(shards)}.bin" for i in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        (folder / path).write_bytes(shard)
    entries = [
        {"name": name, "shape": list(np.shape(array)), "dtype": "float32"}
        for name, array in arrays.items()
    ]
    config = {
        "name": "toy",
        "layers": layers,
        "input_layers": [[layers[0]["name"], 0, 0]],
        "output_layers": [[layers[-1]["name"], 0, 0]],
    }
    model = {
        "format": "layers-model",
        "modelTopology": {"model_config": {"class_name": "Functional", "config": config}},
        "weightsManifest": [{"paths": paths, "weights": entries}],
        **changed,
    }
    (folder / "model.json").write_text(json.dumps(model))
    return folder / "model.json"
