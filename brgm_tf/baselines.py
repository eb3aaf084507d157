"""Classical restorations to compare with: no prior but smoothness.

Notation: y [h, w, C] a measurement in [-1, 1], x [H, W, C] the image restored from it.
scikit-image is imported by the functions that need it (the extra `evaluate`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from PIL import Image

from brgm_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A row of `BASELINES`.

    Args:
        restore: (y [h, w, C], missing bool [h, w, 1] or None, resolution) -> x [H, W, C].
        corruptions: names of the corruptions that it is for.
        requires: the module that it needs, of the extra `evaluate`; '' for none.
    """

    restore: Callable
    corruptions: tuple[str, ...]
    requires: str = ""


def bicubic(measurement, *, missing, resolution: int) -> np.ndarray:
    """Enlarges by Keys' cubic kernel (a = -0.5), as Pillow does; no sharpening.

    Args:
        measurement: y [h, w, C].
        missing: None.
        resolution: H = W.

    Returns:
        float32 [H, W, C], clipped to [-1, 1].

    Reference: Keys, Cubic convolution interpolation for digital image processing (1981).
    """
    del missing
    size = (resolution, resolution)
    channels = [
        np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BICUBIC))
        for channel in np.moveaxis(np.asarray(measurement, np.float32), -1, 0)
    ]
    return np.clip(np.stack(channels, axis=-1), -1, 1)


def biharmonic(measurement, *, missing, resolution: int) -> np.ndarray:
    """Fills the hole with the solution of the biharmonic equation, continued from its rim.

        laplacian(laplacian(x)) = 0 where missing, x = y elsewhere

    Args:
        measurement: y [H, W, C].
        missing: bool [H, W, 1], True = missing.
        resolution: H = W.

    Returns:
        float32 [H, W, C], clipped to [-1, 1].

    Reference: Damelin, Hoang, On surface completion and image inpainting by biharmonic
    functions (2018); `skimage.restoration.inpaint_biharmonic`.
    """
    from skimage.restoration import inpaint_biharmonic

    del resolution
    known = np.where(missing, 0.0, np.asarray(measurement, np.float64))
    # scikit-image keeps results within the range of the known values, in units of their type.
    filled = inpaint_biharmonic(known, missing[..., 0], channel_axis=-1)
    return np.clip(filled, -1, 1).astype(np.float32)


BASELINES: dict[str, Baseline] = {
    "bicubic": Baseline(bicubic, ("downsample",)),
    "biharmonic": Baseline(biharmonic, ("mask",), requires="skimage"),
}


def baselines_of(corruption: str) -> list[str]:
    """Names of the baselines for a corruption, given by its name."""
    return [name for name, row in BASELINES.items() if corruption in row.corruptions]


def check_installed(name: str) -> None:
    """Refuses a baseline whose package is not installed.

    Raises:
        InputError: it is not.
    """
    import importlib.util

    required = BASELINES[name].requires
    if required and importlib.util.find_spec(required) is None:
        raise InputError(
            "baselines",
            f"needs {required} for {name}",
            remedy="pip install 'brgm_tf[evaluate]', or leave it out",
            baselines=name,
        )
