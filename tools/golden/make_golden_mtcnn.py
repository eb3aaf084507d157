"""Makes tests/golden/mtcnn.npz: faces that the package mtcnn finds.

    python3 -m venv VENV && VENV/bin/pip install mtcnn==1.0.0 tensorflow pillow
    VENV/bin/python tools/golden/make_golden_mtcnn.py PICTURE tests/golden/mtcnn.npz

PICTURE is brgm_tf/examples/astronaut.png. The file holds the box (top, left, bottom, right), the
probability and the landmarks (row, column) of its face, and the outputs of the three networks for
the windows that `windows` makes. The command does not need brgm_tf.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

SIZES = {"pnet": 15, "rnet": 24, "onet": 48}


def windows(network: str) -> np.ndarray:
    """Returns smooth windows of a network, float32 [2, n, n, 3]."""
    size = SIZES[network]
    rows, columns = np.meshgrid(*[np.linspace(0, 3, size)] * 2, indexing="ij")
    waves = [np.sin((i + 1) * rows + i) * np.cos(2 * columns - i) for i in range(6)]
    return np.moveaxis(np.stack(waves).reshape(2, 3, size, size), 1, -1).astype(np.float32)


def main(arguments: list[str]) -> int:
    """Writes the file, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture")
    parser.add_argument("output")
    options = parser.parse_args(arguments)
    from mtcnn import MTCNN
    from PIL import Image

    detector = MTCNN()
    levels = np.asarray(Image.open(options.picture).convert("RGB"))
    [face] = detector.detect_faces(
        levels, output_type="numpy", box_format="xyxy", fit_to_image=False
    )
    arrays = {
        "box": face[[2, 1, 4, 3]],
        "probability": face[5],
        # mtcnn counts from the centre of the first pixel.
        "landmarks": np.stack([face[11:16], face[6:11]], axis=-1) + 0.5,
    }
    for i, network in enumerate(SIZES):
        outputs = detector.stages[i].model(windows(network))
        arrays |= {f"{network}_{j}": output.numpy() for j, output in enumerate(outputs)}
    np.savez(options.output, **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
