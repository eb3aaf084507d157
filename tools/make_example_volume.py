"""Makes the example volume of the package: python tools/make_example_volume.py [FILE].

The volume is a smooth walk through the latents of xray-64, so it is no person. The default FILE is
brgm_tf/examples/xray_walk.nii.gz.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.core import atomic_files
from brgm_tf.generators.loading import load_generator
from brgm_tf.io.medical.volumes import Grid, Volume

FILE = Path(__file__).resolve().parents[1] / "brgm_tf" / "examples" / "xray_walk.nii.gz"
NUM_SLICES, NUM_STOPS, SEED = 32, 5, 3
SPACING = 4.0  # millimetres between slices, rows and columns
TRUNCATION = 0.7  # of the distance of the stops from the mean latent


def walk() -> np.ndarray:
    """Returns grey levels [NUM_SLICES, 64, 64] along a spline through samples of the prior."""
    generator = load_generator("xray-64")
    z = np.random.RandomState(SEED).randn(NUM_STOPS, generator.z_dim).astype("float32")
    mean = generator.latent_statistics().mean
    stops = mean + TRUNCATION * (np.asarray(generator.mapping(z)) - mean)
    positions = np.linspace(0, NUM_STOPS - 1, NUM_SLICES)
    ws = CubicSpline(np.arange(NUM_STOPS), stops)(positions).astype("float32")
    images = np.asarray(generator.synthesis(np.repeat(ws[:, None], generator.num_ws, axis=1)))
    return np.clip(np.rint(127.5 * (images[..., 0] + 1.0)), 0, 255)


def main(arguments: list[str]) -> None:
    """Writes the volume."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    options = parser.parse_args(arguments)
    levels = walk()
    stored = np.transpose(levels[:, ::-1, ::-1], (2, 1, 0)).astype(np.float32)
    affine = np.diag([SPACING, SPACING, SPACING, 1.0])
    volume = Volume("xray_walk", Grid(stored, affine, np.dtype("uint8"), window=(0.0, 255.0)))
    atomic_files.write(options.file, volume.encode(levels, part="example"))


if __name__ == "__main__":
    main(sys.argv[1:])
