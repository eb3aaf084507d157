"""Loading of LPIPS by the handle of its weights.

TensorFlow is imported when the network is built.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError
from brgm_tf.weights import fetching, handles
from brgm_tf.weights.formats import vgg16

_ARGUMENT = "perceptual"
PERCEPTUAL_WEIGHTS = "vgg16-lpips"


def check_perceptual(handle: Any) -> None:
    """Checks a handle of perceptual weights without reading or fetching a file.

    Raises:
        InputError: The name or path does not exist, or the kind of address is unknown.
    """
    if hasattr(handle, "features") or handle == PERCEPTUAL_WEIGHTS:
        return
    if not isinstance(handle, str | os.PathLike):
        raise InputError(_ARGUMENT, "must be a handle or an LPIPS", perceptual=handle)
    parsed = handles.parse(handle, argument=_ARGUMENT)
    if not parsed.is_remote and not Path(parsed.location).expanduser().is_file():
        raise InputError(
            _ARGUMENT,
            f"must be a file, an https:// or gs:// address, or {PERCEPTUAL_WEIGHTS}",
            perceptual=parsed.location,
        )


def read_perceptual(
    handle: str | os.PathLike, *, progress: Progress | None = None
) -> vgg16.Perceptual:
    """Reads perceptual weights and the heads, without TensorFlow.

    Args:
        handle: Handle, as for `load_perceptual`.
        progress: Function that receives lines of text about the progress, or None.

    Raises:
        InputError: The file does not exist, cannot be read, or holds another network.
    """
    check_perceptual(handle)
    if handle == PERCEPTUAL_WEIGHTS:
        arrays = fetching.load_converted(
            PERCEPTUAL_WEIGHTS,
            lambda folder: vgg16.read(folder / "vgg16.ckpt", argument=_ARGUMENT).arrays,
            vgg16.VERSION,
            progress=progress,
            argument=_ARGUMENT,
        )
        return vgg16.Perceptual(PERCEPTUAL_WEIGHTS, arrays)
    parsed = handles.parse(handle, argument=_ARGUMENT)
    path = handles.local_path(parsed, progress=progress, argument=_ARGUMENT)
    network = vgg16.read(path, argument=_ARGUMENT)
    if "head0" in network.arrays:
        return network
    folder = fetching.fetch("lpips-heads", progress=progress, argument=_ARGUMENT)
    heads = vgg16.read_heads(folder / "vgg.pth")
    return dataclasses.replace(network, arrays={**network.arrays, **heads})


def load_perceptual(handle: Any = PERCEPTUAL_WEIGHTS, *, progress: Progress | None = None) -> Any:
    """Loads LPIPS on VGG16; the first call fetches the weights.

    Args:
        handle: One of the following. A suffix '#sha256=...' checks a file.

            - 'vgg16-lpips', the default.
            - The path, or the https:// or gs:// address, of NVIDIA's `vgg16.pt`, of torchvision's
              `vgg16-*.pth` or of the h5 of Keras Applications. The last two take their heads from
              the package lpips.
            - A loaded `perceptual.LPIPS`, which is returned unchanged.
        progress: Function that receives lines of text about the progress, or None.

    Raises:
        InputError: The weights cannot be fetched or read.
    """
    if hasattr(handle, "features"):
        return handle
    network = read_perceptual(handle, progress=progress)
    if not network.fits_heads and progress is not None:
        progress(
            f"the heads of LPIPS were trained with another network than {network.origin}: its "
            "distances differ from LPIPS"
        )
    from brgm_tf.perceptual import lpips

    return lpips.LPIPS(network.arrays)
