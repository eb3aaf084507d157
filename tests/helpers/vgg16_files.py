"""VGG16 files in the layouts of their publishers, written from arrays without torch or Keras."""

import io
import zipfile

import h5py
import numpy as np
import torch_files as build
from torch_files import Call, Name

TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
WIDTHS = (64, 128, 256, 512, 512)
LAYERS = [(b, c) for b, count in enumerate((2, 2, 3, 3, 3), 1) for c in range(1, count + 1)]


def random_arrays():
    """Returns arrays for `perceptual.LPIPS` with the widths `WIDTHS`, as repeated small tensors."""
    random, arrays, inputs = np.random.RandomState(0), {}, 3
    for i, (block, _) in enumerate(LAYERS):
        width = WIDTHS[block - 1]
        tile = random.randn(3, 3, inputs, 4).astype("float32")
        arrays[f"conv{i}.kernel"] = np.tile(tile, width // 4)
        arrays[f"conv{i}.bias"] = random.randn(width).astype("float32")
        inputs = width
    heads = {f"head{i}": random.rand(n).astype("float32") for i, n in enumerate(WIDTHS)}
    return arrays | heads


def torchvision(arrays):
    """Returns tensors by torchvision's names, with a smaller classifier than the real one."""
    tensors = {}
    for i, index in enumerate(TORCHVISION):
        tensors[f"features.{index}.weight"] = arrays[f"conv{i}.kernel"].transpose(3, 2, 0, 1)
        tensors[f"features.{index}.bias"] = arrays[f"conv{i}.bias"]
    return tensors | {"classifier.0.weight": np.zeros((4, 8)), "classifier.0.bias": np.zeros(4)}


def nvidia(arrays):
    """Returns tensors by the names in NVIDIA's vgg16.pt."""
    tensors = {f"lpips{i}": arrays[f"head{i}"][:, None, None] for i in range(5)}
    for i in range(13):
        tensors[f"conv{i + 1}.weight"] = arrays[f"conv{i}.kernel"].transpose(3, 2, 0, 1)
        tensors[f"conv{i + 1}.bias"] = arrays[f"conv{i}.bias"]
    return tensors | {"fc1.weight": np.zeros((4, 8)), "fc1.bias": np.zeros(4)}


def _tensors(arrays):
    """Returns tensors as a pickle contains them, and their storages."""
    tensors, storages = {}, {}
    for key, (name, array) in enumerate(arrays.items()):
        array = np.ascontiguousarray(array, "<f4")
        strides = tuple(step // 4 for step in array.strides)
        storages[str(key)] = array.tobytes()
        tensors[name] = (str(key), array.size, array.shape, strides)
    return tensors, storages


def state_dict(arrays, *, form="zip"):
    """Returns a file of torch.save of a dict of tensors, 'zip' or 'legacy'."""
    tensors, storages = _tensors(arrays)
    view = {} if form == "zip" else {"view": None}
    value = {
        name: build.tensor(build.storage(key, count, **view), shape, strides)
        for name, (key, count, shape, strides) in tensors.items()
    }
    return build.zipped(value, storages) if form == "zip" else build.legacy(value, storages)


def script(arrays, *, constants=()):
    """Returns a file of torch.jit.save of NVIDIA's module, with its convolutions in `layers`."""
    tensors, storages = _tensors(arrays)
    root, layers = {}, {}
    for name, (key, count, shape, strides) in tensors.items():
        layer, _, part = name.partition(".")
        module = layers.setdefault(layer, {}) if part else root
        module[part or name] = build.tensor(build.storage(key, count), shape, strides)
    layers = {name: Call(Name("__torch__", "Layer"), (), state) for name, state in layers.items()}
    root["layers"] = Call(Name("__torch__", "Layers"), (), layers)
    file = io.BytesIO(build.zipped(Call(Name("__torch__", "VGG16"), (), root), storages))
    with zipfile.ZipFile(file, "a") as archive:
        values = [build.storage(str(i), len(value)) for i, value in enumerate(constants)]
        pairs = zip(values, constants, strict=True)
        program = tuple(build.tensor(s, (len(value),), (1,)) for s, value in pairs)
        archive.writestr("archive/constants.pkl", build.program(program))
        for i, value in enumerate(constants):
            archive.writestr(f"archive/constants/{i}", np.array(value, "<f4").tobytes())
        archive.writestr("archive/code/__torch__.py", "raise SystemExit")
    return file.getvalue()


def keras(path, arrays, *, names=("{}_W_1:0", "{}_b_1:0"), classifier=False, **options):
    """Writes an HDF5 file of Keras Applications, with or without the classifier."""
    with h5py.File(path, "w") as file:
        file.create_group("block1_pool")
        for i, (block, number) in enumerate(LAYERS):
            layer = f"block{block}_conv{number}"
            kernel = arrays[f"conv{i}.kernel"]
            kernel = kernel[:, :, ::-1] if i == 0 else kernel
            file.create_dataset(f"{layer}/{names[0].format(layer)}", data=kernel, **options)
            file.create_dataset(f"{layer}/{names[1].format(layer)}", data=arrays[f"conv{i}.bias"])
        if classifier:
            file.create_dataset("fc1/fc1_W_1:0", data=np.zeros((4, 8), "f4"))
    return path
