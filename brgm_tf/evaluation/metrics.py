"""Figures of merit of restored images, one number for each image, [B].

Notation: x the restored and t the true image, clipped to [-1, 1] and mapped to grey
levels in [0, 255]; d = x - t; means run over the pixels and channels of one image.
The functions import TensorFlow when they need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT

MAX_LEVEL = 255.0
SSIM_WINDOW = 11  # size of the window of Wang et al. (2004)


def image_metrics(restored: Any, truth: Any, *, mask: Any = None) -> dict[str, np.ndarray]:
    """Returns PSNR, SSIM, MAE and RMSE of restored images.

        psnr = 10 log10(255^2 / mean(d^2)) [dB]    mae = mean(|d|)    rmse = sqrt(mean(d^2))

    ssim is the mean of the local index of each channel in 11 x 11 Gaussian windows of scale
    1.5 inside the image. Images smaller than the window have the SSIM NaN. Equal images have
    the PSNR inf.

    Args:
        restored: Restored images [B, H, W, C] in [-1, 1]; values are clipped.
        truth: True images [B, H, W, C] in [-1, 1]; values are clipped.
        mask: bool, broadcastable to [B, H, W, 1], True = missing. The figures then cover the
            missing pixels (SSIM: windows with a missing centre), and are NaN without missing
            pixels. None covers the whole image.

    Returns:
        float64 arrays [B] by name: psnr (dB), ssim, mae and rmse (grey levels).

    Raises:
        InputError: The shapes differ.

    Example:
        >>> truth = np.zeros([1, 16, 16, 1])
        >>> figures = image_metrics(truth + 2 / 255, truth)
        >>> round(float(figures["rmse"][0]), 3), round(float(figures["psnr"][0]), 2)
        (1.0, 48.13)

    Reference:
        Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error
        visibility to structural similarity", 2004.
    """
    restored, truth = _levels(restored), _levels(truth)
    _check_same_shape("restored", restored, truth)
    if truth.ndim != 4:
        raise InputError("truth", "must be [B, H, W, C]", shape=truth.shape)
    counted = None if mask is None else _counted("mask", mask, (*truth.shape[:3], 1))
    difference = restored.astype(np.float64) - truth
    rmse = np.sqrt(_mean(difference**2, counted=counted))
    return {
        "psnr": _psnr(restored, truth) if counted is None else _psnr_of(rmse),
        "ssim": _ssim(restored, truth, counted=counted),
        "mae": _mean(np.abs(difference), counted=counted),
        "rmse": rmse,
    }


def restoration_metrics(
    reconstruction: Any,
    truth: Any,
    *,
    distance: Callable | None,
    merged: Any = None,
    missing: Any = None,
) -> dict[str, np.ndarray]:
    """Returns all figures of restored images of known truth.

    Args:
        reconstruction: Restored images [B, H, W, C] in [-1, 1].
        truth: True images [B, H, W, C] in [-1, 1].
        distance: LPIPS, a function (x, t) -> [B] of images in [-1, 1]; None leaves lpips out.
        merged: Restored images that agree with the measurement, [B, H, W, C], or None.
        missing: bool [B, H, W, 1], True = missing; None without a mask.

    Returns:
        Arrays [B] by name: the figures of `image_metrics` and lpips; with the prefix
        `merged_`, the same figures of the merged images; hole_rmse, the RMSE of the missing
        pixels of the merged images, or else of the restored images (grey levels).

    Raises:
        InputError: The shapes differ.
    """

    def figures(image) -> dict[str, np.ndarray]:
        metrics = image_metrics(image, truth)
        if distance is not None:
            metrics["lpips"] = np.array(distance(np.clip(image, -1, 1), truth))
        return metrics

    result = figures(reconstruction)
    if merged is not None:
        result |= {f"merged_{name}": values for name, values in figures(merged).items()}
    if missing is not None:
        filled = reconstruction if merged is None else merged
        result["hole_rmse"] = image_metrics(filled, truth, mask=missing)["rmse"]
    return result


def residual(measurement: Any, predicted_measurement: Any, *, observed: Any = None) -> np.ndarray:
    """Returns the distance between the measurement and its prediction, in grey levels.

        residual = 127.5 sqrt(mean(|y - f(x)|^2))

    Compare the residual with the standard deviation of the noise. Nothing is clipped. For
    complex measurements, both real and imaginary parts have errors, and a grey level is 1 / 255:

        residual = 255 sqrt(mean(|y - f(x)|^2) / 2)

    Args:
        measurement: y [B, ...], real (images in [-1, 1]) or complex (white has modulus 1).
        predicted_measurement: f(x), in the shape of y.
        observed: bool, broadcastable to the measurement, True = observed (the opposite of a
            mask); None if everything is observed.

    Returns:
        float64 [B]; NaN if nothing is observed.

    Raises:
        InputError: The shapes differ.

    Example:
        >>> residual(np.zeros([1, 2, 2, 1]), np.full([1, 2, 2, 1], 2 / 255)).tolist()
        [1.0]
    """
    measurement, predicted_measurement = np.asarray(measurement), np.asarray(predicted_measurement)
    _check_same_shape("measurement", measurement, predicted_measurement)
    counted = None if observed is None else _counted("observed", observed, measurement.shape)
    # Double precision, because the difference of two close float32 numbers has few digits.
    wide = np.result_type(measurement, predicted_measurement, np.float64)
    squares = np.abs(measurement.astype(wide) - predicted_measurement) ** 2
    levels = MAX_LEVEL / np.sqrt(2) if wide.kind == "c" else GREY_LEVELS_PER_UNIT
    return levels * np.sqrt(_mean(squares, counted=counted))


def _levels(image) -> np.ndarray:
    return (np.clip(np.asarray(image, np.float32), -1, 1) + 1) * np.float32(GREY_LEVELS_PER_UNIT)


def _check_same_shape(argument: str, first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape or not first.ndim:
        raise InputError(
            argument,
            "must have the shape of the other array, [B, ...]",
            shape=first.shape,
            other=second.shape,
        )


def _counted(argument: str, mask, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.dtype != np.bool_:
        raise InputError(argument, "must be an array of bool", dtype=str(mask.dtype))
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise InputError(
            argument, f"must be broadcastable to {list(shape)}", shape=mask.shape
        ) from None


def _mean(values: np.ndarray, *, counted: np.ndarray | None) -> np.ndarray:
    """Returns the mean of each image over the counted pixels, NaN without such pixels."""
    axes = tuple(range(1, values.ndim))
    if counted is None:
        return values.mean(axis=axes)
    counted = np.broadcast_to(counted, values.shape)
    number = counted.sum(axis=axes)
    total = np.where(counted, values, 0).sum(axis=axes)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _psnr(restored: np.ndarray, truth: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    return tf.image.psnr(restored, truth, max_val=MAX_LEVEL).numpy().astype(np.float64)


def _psnr_of(rmse: np.ndarray) -> np.ndarray:
    # Equal images divide by zero on purpose, because their PSNR is inf.
    with np.errstate(divide="ignore"):
        return 20 * np.log10(MAX_LEVEL / rmse)


def _ssim(restored: np.ndarray, truth: np.ndarray, *, counted: np.ndarray | None) -> np.ndarray:
    import tensorflow as tf

    # A smaller window would give numbers that differ from published ones.
    if min(truth.shape[1:3]) < SSIM_WINDOW:
        return np.full(len(truth), np.nan)
    local = tf.image.ssim(
        restored, truth, max_val=MAX_LEVEL, filter_size=SSIM_WINDOW, return_index_map=True
    ).numpy()
    border = SSIM_WINDOW // 2
    if counted is not None:
        counted = counted[:, border:-border, border:-border, 0]
    return _mean(local.astype(np.float64), counted=counted)
