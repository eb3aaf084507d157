"""Handles of perceptual weights -> LPIPS. TensorFlow is imported when the network is built."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError
from brgm_tf.weights import fetching, handles
from brgm_tf.weights.formats import vgg16

_ARGUMENT = "perceptual"
PERCEPTUAL_WEIGHTS = "vgg16-lpips"


def check_perceptual(handle) -> None:
    """Checks a handle of perceptual weights as far as no file is read and nothing is fetched.

    Raises:
        InputError: there is no such name or path, or the address is of no known kind.
    """
    if hasattr(handle, "features") or handle == PERCEPTUAL_WEIGHTS:
        return
    if not isinstance(handle, str | os.PathLike):
        raise InputError(_ARGUMENT, "must be a handle or an LPIPS", perceptual=handle)
    place = handles.parse(handle, argument=_ARGUMENT)
    if not place.is_remote and not Path(place.location).expanduser().is_file():
        raise InputError(
            _ARGUMENT,
            f"must be a file, an https:// or gs:// address, or {PERCEPTUAL_WEIGHTS}",
            perceptual=place.location,
        )


def read_perceptual(handle, *, progress: Progress | None = None) -> vgg16.Perceptual:
    """Reads perceptual weights, with the heads; TensorFlow is not needed.

    Args:
        handle, progress: as for `load_perceptual`.

    Raises:
        InputError: there is no such file, it cannot be read, or it is no VGG16.
    """
    check_perceptual(handle)
    told = {"progress": progress, "argument": _ARGUMENT}
    if handle == PERCEPTUAL_WEIGHTS:
        arrays = fetching.load_converted(
            PERCEPTUAL_WEIGHTS,
            lambda folder: vgg16.read(folder / "vgg16.ckpt", argument=_ARGUMENT).arrays,
            vgg16.VERSION,
            **told,
        )
        return vgg16.Perceptual(PERCEPTUAL_WEIGHTS, arrays)
    place = handles.parse(handle, argument=_ARGUMENT)
    found = vgg16.read(handles.local_path(place, **told), argument=_ARGUMENT)
    if "head0" in found.arrays:
        return found
    heads = vgg16.read_heads(fetching.fetch("lpips-heads", **told) / "vgg.pth")
    return dataclasses.replace(found, arrays={**found.arrays, **heads})


def load_perceptual(handle=PERCEPTUAL_WEIGHTS, *, progress: Progress | None = None):
    """Loads LPIPS on VGG16, fetching its weights the first time.

    Args:
        handle: 'vgg16-lpips'; or a file, or its https:// or gs:// address, of NVIDIA's
            vgg16.pt, torchvision's vgg16-*.pth, or Keras Applications' h5 (the last two take
            their heads from the package lpips). '#sha256=...' behind it has it checked.
            A loaded `perceptual.LPIPS` is returned as it is.
        progress: called with a line for each thing worth telling.

    Raises:
        InputError: the weights cannot be had or read.
    """
    if hasattr(handle, "features"):
        return handle
    found = read_perceptual(handle, progress=progress)
    if not found.fits_heads and progress is not None:
        progress(
            f"{found.origin} is not the network that LPIPS's heads were learned on: distances by "
            "it are no LPIPS"
        )
    from brgm_tf.perceptual import lpips

    return lpips.LPIPS(found.arrays)
