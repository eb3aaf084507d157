"""Figures of merit of restored images, each per image [B].

Notation: x the restored and t the true image, clipped to [-1, 1] and mapped to grey
levels in [0, 255]; d = x - t; means run over the pixels and channels of one image.
TensorFlow is imported inside the functions that need it.
"""

from __future__ import annotations

import numpy as np

from brgm_tf.core.errors import InputError

# Half of a grey-level range of 255: the grey levels that one unit of [-1, 1] spans.
LEVELS_PER_UNIT = 127.5
MAX_LEVEL = 255.0
# The window of Wang et al. (2004).
SSIM_WINDOW = 11


def image_metrics(restored, truth, *, mask=None) -> dict[str, np.ndarray]:
    """Returns PSNR, SSIM, MAE and RMSE of restored images.

        psnr = 10 log10(255^2 / mean(d^2)) [dB]    mae = mean(|d|)    rmse = sqrt(mean(d^2))

    ssim is the mean of the local index in an 11 x 11 Gaussian window of scale 1.5 that
    lies wholly in the image, per channel; it is NaN for an image smaller than that. Equal
    images have the PSNR inf.

    Args:
        restored: [B, H, W, C] in [-1, 1]; clipped.
        truth: [B, H, W, C] in [-1, 1]; clipped.
        mask: None for the whole image; else bool, broadcastable to [B, H, W, 1], True =
            missing: the figures are then of the missing pixels only (SSIM: of the windows
            with a missing centre), and NaN where nothing is missing.

    Returns:
        Arrays float64 [B] by name: psnr (dB), ssim, mae and rmse (grey levels).

    Raises:
        InputError: the shapes do not fit.

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
    reconstruction, truth, *, distance, merged=None, missing=None
) -> dict[str, np.ndarray]:
    """Returns all figures of restored images whose truth is known.

    Args:
        reconstruction: [B, H, W, C] in [-1, 1].
        truth: [B, H, W, C] in [-1, 1].
        distance: LPIPS, (x, t) -> [B] for images in [-1, 1].
        merged: [B, H, W, C], the known pixels put back; None where there are none.
        missing: bool [B, H, W, 1], True = missing; None without a mask.

    Returns:
        Arrays [B] by name: those of `image_metrics` and lpips; 'merged_' before them for
        the merged image; hole_rmse, the RMSE of the missing pixels (grey levels).

    Raises:
        InputError: the shapes do not fit.
    """

    def figures(image) -> dict[str, np.ndarray]:
        return image_metrics(image, truth) | {
            "lpips": np.array(distance(np.clip(image, -1, 1), truth))
        }

    found = figures(reconstruction)
    if merged is not None:
        found |= {f"merged_{name}": values for name, values in figures(merged).items()}
    if missing is not None:
        found["hole_rmse"] = image_metrics(reconstruction, truth, mask=missing)["rmse"]
    return found


def residual(measurement, predicted_measurement, *, observed=None) -> np.ndarray:
    """Returns the distance of the restored image, corrupted again, from the measurement.

        residual = 127.5 sqrt(mean(|y - f(x)|^2))

    In grey levels: what remains of the measurement unexplained, to be compared with the
    noise's standard deviation. Nothing is clipped. A complex number has two errors, that of its
    real and that of its imaginary part, and a grey level is 1 / 255 of it:

        residual = 255 sqrt(mean(|y - f(x)|^2) / 2)

    Args:
        measurement: y, [B, ...], real (images in [-1, 1]) or complex (white has the modulus 1).
        recorrupted: f(x), of the same shape.
        observed: bool, broadcastable to the measurement, True = observed (the opposite
            of a mask); None if everything is.

    Returns:
        float64 [B]; NaN where nothing is observed.

    Raises:
        InputError: the shapes do not fit.
    """
    measurement, predicted_measurement = np.asarray(measurement), np.asarray(predicted_measurement)
    _check_same_shape("measurement", measurement, predicted_measurement)
    counted = None if observed is None else _counted("observed", observed, measurement.shape)
    # Double precision first: the difference of two close float32 has few digits.
    wide = np.result_type(measurement, predicted_measurement, np.float64)
    squares = np.abs(measurement.astype(wide) - predicted_measurement) ** 2
    levels = MAX_LEVEL / np.sqrt(2) if wide.kind == "c" else LEVELS_PER_UNIT
    return levels * np.sqrt(_mean(squares, counted=counted))


def _levels(image) -> np.ndarray:
    return (np.clip(np.asarray(image, np.float32), -1, 1) + 1) * np.float32(LEVELS_PER_UNIT)


def _check_same_shape(argument: str, first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape or not first.ndim:
        raise InputError(
            argument,
            "must have the shape of what it is compared with, [B, ...]",
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
    """Returns the mean per image over the pixels that count; NaN where none does."""
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
    # Equal images divide by zero on purpose: their PSNR is inf.
    with np.errstate(divide="ignore"):
        return 20 * np.log10(MAX_LEVEL / rmse)


def _ssim(restored: np.ndarray, truth: np.ndarray, *, counted: np.ndarray | None) -> np.ndarray:
    import tensorflow as tf

    # A smaller window would be another figure, not to be compared with published ones.
    if min(truth.shape[1:3]) < SSIM_WINDOW:
        return np.full(len(truth), np.nan)
    local = tf.image.ssim(
        restored, truth, max_val=MAX_LEVEL, filter_size=SSIM_WINDOW, return_index_map=True
    ).numpy()
    border = SSIM_WINDOW // 2
    if counted is not None:
        counted = counted[:, border:-border, border:-border, 0]
    return _mean(local.astype(np.float64), counted=counted)
