"""Makes tests/golden/bicubic.npz: images shrunk by PyTorch's bicubic interpolation.

    python3 -m venv VENV && VENV/bin/pip install numpy torch
    VENV/bin/python tools/golden/make_golden_bicubic.py tests/golden/bicubic.npz

The file holds the shrunken images: `image` makes the large images again from the rows of `CASES`.
The command needs PyTorch, but not brgm_tf.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

# (factor, height, width, channels)
CASES = (
    (1, 5, 4, 1),
    (2, 2, 2, 1),
    (2, 12, 8, 3),
    (3, 9, 15, 3),
    (4, 8, 16, 3),
    (6, 36, 24, 1),
    (8, 32, 64, 3),
    (16, 128, 64, 3),
    (32, 128, 128, 1),
)


def image(factor: int, height: int, width: int, channels: int) -> np.ndarray:
    """Draws independent uniform pixels [H, W, C] in [-1, 1], float64."""
    return np.random.RandomState(factor).uniform(-1, 1, (height, width, channels))


def main(arguments: list[str]) -> int:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", help="New file")
    options = parser.parse_args(arguments)
    import torch

    shrunken = {}
    for case in CASES:
        planes = torch.from_numpy(image(*case).transpose(2, 0, 1)[None].copy())
        result = torch.nn.functional.interpolate(
            planes, scale_factor=1 / case[0], mode="bicubic", align_corners=False, antialias=False
        )
        shrunken["x".join(map(str, case))] = result[0].numpy().transpose(1, 2, 0)
    np.savez(options.output, **shrunken)
    sys.stdout.write("".join(f"{name}: {y.shape}\n" for name, y in shrunken.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
