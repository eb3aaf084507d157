"""Examples of every corruption, for tests of the common contract."""

from pathlib import Path

import numpy as np

from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.table import CORRUPTIONS

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
KERNEL = str(GOLDEN / "kernel.npy")  # [4, 7], not symmetric, with a sum other than 1
SENSITIVITIES = str(GOLDEN / "sensitivities.npy")  # random maps of two coils [12, 24, 2]
SAMPLED = str(GOLDEN / "sampled.npy")  # bool [12, 24], half of the values at random
SIZE = (12, 24)

# Add the arguments of a new row of the registry here.
EXAMPLES = {
    "none": [{}],
    "downsample": [
        {"factor": 1},
        {"factor": 2},
        {"factor": 4},
        {"factor": 2, "method": "bicubic"},
        {"factor": 3, "method": "bicubic"},
        {"factor": 4, "method": "bicubic"},
        {"factor": 2, "method": "bicubic_antialias"},
        {"factor": 4, "method": "lanczos"},
        {"factor": 3, "method": "nearest"},
        {"factor": 2.4},
        {"factor": 2.4, "method": "bicubic"},
        {"factor": 1.5, "method": "bicubic_antialias"},
        {"factor": 2.4, "method": "lanczos"},
        {"factor": 1.5, "method": "nearest"},
    ],
    "align": [
        {},
        {"side": 9, "angle": 20},
        {"side": 20, "angle": -70, "zoom": 0.9, "shift_down": 0.1, "margin": 0.05},
        {"side": 2.5, "turn": 10, "shift_right": -0.2},
    ],
    "blur": [
        {"sigma": 1.5},
        {"sigma": 1, "border": "circular"},
        {"sigma": 2.5, "border": "zero"},
    ],
    "motion_blur": [
        {"length": 7},
        {"length": 8.5, "angle": 30, "border": "circular"},
        {"length": 5, "angle": -100, "border": "zero"},
    ],
    "disk_blur": [
        {"radius": 3},
        {"radius": 2.2, "border": "circular"},
        {"radius": 0.5, "border": "zero"},
    ],
    "kernel_blur": [
        {"file": KERNEL},
        {"file": KERNEL, "normalize": False, "border": "circular"},
        {"file": KERNEL, "border": "zero"},
    ],
    "grayscale": [{}, {"weights": "mean"}],
    "bayer": [{}, {"pattern": "GBRG"}],
    "mask": [{}, {"fill": -0.5}],
    "random_mask": [{"fraction": 0.3}, {"fraction": 0.9, "seed": 7, "fill": -0.5}],
    "box_mask": [
        {"boxes": [(0.25, 0.25, 0.75, 0.75)]},
        {"boxes": [(0, 0, 0.2, 1), (0.5, 0.5, 0.9, 0.6)], "fill": 0.25},
    ],
    "occlusion": [
        {"top": 0.25, "left": 0.1, "bottom": 0.6, "right": 0.95},
        {"top": 0, "left": 0, "bottom": 0.33, "right": 1, "fill": -0.5},
    ],
    "scratches": [{"count": 1, "width": 2}, {"count": 5, "width": 1, "seed": 3, "fill": 0}],
    "half_mask": [{"side": "left"}, {"side": "bottom", "fill": -1}],
    "gamma": [{"gamma": 2.2}, {"gamma": 0.45}, {"gamma": 1}],
    "gain": [{"gain": 0.5}, {"gain": 1.75, "bias": -20}],
    "clip": [{}, {"low": 30, "high": 200}],
    "quantise": [{"bits": 1}, {"bits": 4}, {"bits": 8}],
    "jpeg": [{"quality": 10}, {"quality": 75}, {"quality": 100}],
    "kspace": [
        {"acceleration": 3},
        {"acceleration": 2, "pattern": "variable", "center_fraction": 0.2, "seed": 5},
        {"acceleration": 4, "pattern": "equispaced"},
        {"acceleration": 2.5, "pattern": "radial"},
        {"acceleration": 2, "sensitivities": SENSITIVITIES},
        {"pattern": SAMPLED},
    ],
    "noise": [{"scale": 5}],
    "poisson": [{"peak": 20}],
    "salt_and_pepper": [{"fraction": 0.1}, {"fraction": 0.3, "scale": 4}],
}
# Corruptions whose images are the slices of one volume.
VOLUME_EXAMPLES = {
    "thick_slices": [
        {"factor": 1},
        {"factor": 2, "gap": 0.5},
        {"factor": 3, "profile": "gaussian"},
        {"factor": 3, "gap": 1.5, "profile": "gaussian"},
    ],
    "missing_slices": [{"every": 2}, {"every": 4, "fill": -0.5}],
}
# Corruptions that refuse grey images.
RGB_ONLY = {"bayer"}
# Corruptions that refuse colour images.
GREY_ONLY = {"kspace"}
# Chains with stages of different shapes, with data before and after them, and with noise.
CHAINS = [
    "downsample(factor=2) + downsample(factor=3, method='bicubic')",
    "mask(fill=0.5) + downsample(factor=2)",
    "downsample(factor=2) + mask() + noise(scale=5)",
    "mask() + poisson(peak=50)",
    "half_mask(side='left') + blur(sigma=1)",
    "none + salt_and_pepper(fraction=0.2, scale=3)",
    "grayscale() + kspace(acceleration=3) + noise(scale=5)",
    f"grayscale() + downsample(factor=1) + kspace(acceleration=2, sensitivities={SENSITIVITIES!r})",
]

# One corruption of each class, and the chains.
ONE_OF_EACH = [(name, examples[0]) for name, examples in EXAMPLES.items()]
ONE_OF_EACH += [(chain, {}) for chain in CHAINS]


def create(name: str, arguments: dict) -> Corruption:
    """Returns a registered corruption, or the chain of a text."""
    if name not in CORRUPTIONS:
        return parsing.parse(name).create().of_images((*SIZE, 3))
    return CORRUPTIONS.create(CORRUPTIONS.call(name, **arguments))


def all_of(name: str) -> list[Corruption]:
    """Returns the examples of a class, or the chain of a text."""
    return [create(name, arguments) for arguments in EXAMPLES.get(name, [{}])]


def masks_for(corruption: Corruption, batch: int, rng: np.random.Generator) -> dict:
    size = corruption.data_shape((*SIZE, 3))[:2]
    return {name: rng.random((batch, *size, 1)) < 0.4 for name in corruption.data_names}


def images(rng, batch=2, channels=3, dtype=np.float64, size=SIZE) -> np.ndarray:
    return rng.uniform(-1, 1, (batch, *size, channels)).astype(dtype)


def images_for(name, rng, **options) -> np.ndarray:
    """Returns images for a corruption, with three channels if it takes three."""
    return images(rng, **({"channels": 1 if name in GREY_ONLY else 3} | options))


def noise_like(y, rng) -> np.ndarray:
    """Returns normal numbers with the shape of a measurement, complex for a complex measurement."""
    noise = rng.normal(size=y.shape)
    return noise + 1j * rng.normal(size=y.shape) if y.dtype.is_complex else noise
