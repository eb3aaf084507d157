"""Tests of a corruption, for users who write their own class.

    from brgm_tf.testing import check_corruption

    def test_fog():
        check_corruption(Fog(density=0.3))

Each check raises an `InputError`, whose message states the number and the expected number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.corruptions.base import Corruption

_BATCH = 3  # images
_STEP = 1e-5  # of finite differences


def check_corruption(
    corruption: Corruption, image_shape: tuple[int, int, int] = (16, 16, 1), *, seed: int = 0
) -> None:
    """Checks a corruption on random images.

    The checks are the shape and precision of the measurement, the dot-test of the adjoint (if the
    corruption is linear), the gradient (unless it is a substitute), and the independence of the
    images of a batch.

    Args:
        corruption: Corruption to check. Masks are random; unknown parameters have the median of
            their prior.
        image_shape: (H, W, C) of the images, default (16, 16, 1).
        seed: Seed of the random numbers, default 0.

    Raises:
        InputError: A check fails, or images of this shape cannot be measured.

    Example:
        >>> from brgm_tf import Blur, Downsample
        >>> from brgm_tf.testing import check_corruption
        >>> check_corruption(Blur(sigma=1.0) + Downsample(factor=2))
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform(-0.95, 0.95, (_BATCH, *image_shape))  # tones have kinks at -1 and 1
    bind = _binder(corruption, image_shape, rng)
    bound = bind(slice(None))
    check_dtypes(bound, x)
    check_adjoint(bound, x, seed=seed)
    check_gradient(bound, x, seed=seed)
    check_batch(bind, x)


def check_dtypes(corruption: Corruption, x: np.ndarray) -> None:
    """Checks the shape and the dtype of the measurement for float32 and float64 images.

    Args:
        corruption: Corruption with its data bound.
        x: Images [B, H, W, C].

    Raises:
        InputError: The shape or the dtype differs from `measurement_shape` or `dtype_for`.
    """
    for dtype in (tf.float32, tf.float64):
        y = corruption.forward(tf.cast(x, dtype))
        _compare("a measurement of the stated dtype", y.dtype, corruption.dtype_for(dtype))
        shape = tuple(corruption.measurement_shape(x.shape))
        _compare("a measurement of the stated shape", tuple(y.shape), shape)


def check_adjoint(corruption: Corruption, x: np.ndarray, *, seed: int = 0) -> None:
    """Checks <A x, y> = <x, A^T y> for random y, if the corruption is linear.

    Args:
        corruption: Corruption with its data bound.
        x: Images [B, H, W, C], float64.
        seed: Seed of y, default 0.

    Raises:
        InputError: The two products differ by more than 1e-10 of their size.
    """
    if not corruption.linear:
        return
    ax = corruption.forward(x) - corruption.forward(np.zeros_like(x))
    y = _noise_like(ax, np.random.default_rng(seed))
    left, right = float(_product(ax, y)), float(np.sum(x * corruption.adjoint(y)))
    _compare("an adjoint with <A x, y> = <x, A^T y>", left, right, tolerance=1e-10)


def check_gradient(corruption: Corruption, x: np.ndarray, *, seed: int = 0) -> None:
    """Compares the gradient of `forward` with finite differences.

    A corruption with `straight_through_gradient` is not checked.

    Args:
        corruption: Corruption with its data bound.
        x: Images [B, H, W, C], float64.
        seed: Seed of the direction, default 0.

    Raises:
        InputError: The two slopes differ by more than 1e-7 of their size.
    """
    if corruption.straight_through_gradient:
        return
    rng = np.random.default_rng(seed)
    weights = _noise_like(corruption.forward(x), rng)
    direction, images = rng.normal(size=x.shape), tf.constant(x)

    def value(step: float) -> float:
        return float(_product(weights, corruption.forward(x + step * direction)))

    with tf.GradientTape() as tape:
        tape.watch(images)
        total = _product(weights, corruption.forward(images))
    slope = float(np.sum(tape.gradient(total, images) * direction))
    numerical = (value(_STEP) - value(-_STEP)) / (2 * _STEP)
    _compare("the gradient of finite differences", slope, numerical, tolerance=1e-7, absolute=1e-7)


def check_batch(bind: Callable[[slice], Corruption], x: np.ndarray) -> None:
    """Checks that an image of a batch is measured, scored and sampled as on its own.

    Args:
        bind: Function that returns the corruption with the data of a slice of the batch.
        x: Images [B, H, W, C], float64.

    Raises:
        InputError: An image depends on its neighbours.
    """
    params, seeds = {"noise_scale": 5.0}, np.array([[0, i] for i in range(len(x))], np.int32)

    def results(part: slice) -> dict[str, Any]:
        corruption = bind(part)
        y = corruption.forward(x[part])
        return {
            "forward": y,
            "log_prob": corruption.log_prob(y + 0.1, x[part], params),
            "sample": corruption.sample(x[part], seeds[part]),
        }

    together = results(slice(None))
    for i in range(len(x)):
        for name, alone in results(slice(i, i + 1)).items():
            both = np.asarray(alone[0]), np.asarray(together[name][i])
            j = np.unravel_index(np.argmax(np.abs(both[0] - both[1])), both[0].shape)
            _compare(
                f"a `{name}` that does not depend on other images",
                both[0][j].item(),
                both[1][j].item(),
            )


def _binder(corruption: Corruption, image_shape, rng) -> Callable[[slice], Corruption]:
    height, width, _ = corruption.data_shape(image_shape)
    fixed = corruption.of_images(image_shape)
    missing = {n: rng.random((_BATCH, height, width, 1)) < 0.3 for n in corruption.data_names}
    return lambda part: fixed.with_data(**{name: mask[part] for name, mask in missing.items()})


def _compare(
    what: str, value: Any, expected: Any, *, tolerance: float = 1e-12, absolute: float = 1e-14
) -> None:
    is_number = isinstance(value, float | complex)
    allowed = absolute + tolerance * abs(expected) if is_number else 0.0
    if not (abs(value - expected) <= allowed if is_number else value == expected):
        raise InputError("corruption", f"must have {what}: {value!r} is not {expected!r}")


def _noise_like(y: tf.Tensor, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(size=y.shape)
    return noise + 1j * rng.normal(size=y.shape) if y.dtype.is_complex else noise


def _product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Returns Re <a, b>."""
    return tf.reduce_sum(tf.math.real(tf.math.conj(a) * b))
