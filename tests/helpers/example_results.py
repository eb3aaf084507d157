"""Results with random pixels, for tests of reporting."""

import numpy as np

from brgm_tf.io import images
from brgm_tf.reporting.results import ImageResult, PosteriorSamples

STEPS = 4


def image(*shape, seed=0):
    levels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return images.from_uint8(levels)


def result(*, channels=3, **changes):
    full, small = (16, 16, channels), (4, 4, channels)
    values = {
        "name": "face",
        "measurement": image(*small, seed=1),
        "reconstruction": image(*full, seed=2),
        "predicted_measurement": image(*small, seed=3),
        "merged": image(*full, seed=4),
        "truth": image(*full, seed=5),
        "missing": np.zeros((4, 4, 1), bool),
        "latents": np.random.default_rng(6).standard_normal((3, 8)).astype(np.float32),
        "history": {"likelihood": np.arange(STEPS) / 3, "total": np.arange(STEPS) / 7},
        "metrics": {"psnr": 20.5, "ssim": 0.5, "mae": 9.0, "rmse": 12.0, "residual": 1 / 3},
        "seconds": 12.5,
        "warnings": (),
        "frames": None,
        "samples": None,
    }
    return ImageResult(**{**values, **changes})


def frames(*, side=16, channels=3, count=5):
    return tuple(image(side, side, channels, seed=index) for index in range(count))


def samples(*, channels=3, side=16, count=3, **changes):
    full = (side, side, channels)
    rng = np.random.default_rng(8)
    values = {
        "images": image(count, *full, seed=9),
        "merged": None,
        "latents": rng.standard_normal((count, 3, 8)).astype(np.float32),
        "mean": image(*full, seed=10),
        "stddev": rng.uniform(0, 20, full).astype(np.float32),
        "low": image(*full, seed=11),
        "high": image(*full, seed=12),
    }
    return PosteriorSamples(**{**values, **changes})
