"""Makes the example images of the package, reproducible to the byte.

    python tools/make_examples.py [FOLDER] [--radiographs RADIOGRAPHS]

The command needs scikit-image, which has the photograph. RADIOGRAPHS is the folder of
tools/prepare_xrays.py. The default FOLDER is brgm_tf/examples.

Reference: Karras, Laine and Aila, "A style-based generator architecture for generative
adversarial networks", 2019, appendix A (the alignment of FFHQ).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.io import images

EXAMPLES = Path(__file__).resolve().parents[1] / "brgm_tf" / "examples"
SIDE = 512
SMALL_SIDE = 32

# Held-out radiographs by the name of the example; no generator was trained on these patients.
RADIOGRAPHS = {
    "xray": "normal_NORMAL2-IM-0424-0001.jpeg",
    "xray_normal": "normal_NORMAL2-IM-1026-0001.jpeg",
    "xray_pneumonia": "pneumonia_person1115_bacteria_3056.jpeg",
}
SIZE = 64
FACTOR = 8
# Left, top, right and bottom of the hole in fractions of the radiograph: a third of it, with the
# lower half of the left lung and most of the heart.
HOLE = (0.36, 0.32, 0.94, 0.895)

# Centres of the eyes' outlines and corners of the mouth in the 512 x 512 photograph, in
# pixels (x, y) from its top left corner, found by eye on a twelve-fold enlargement.
EYES = ((203.0, 101.0), (248.0, 103.0))
MOUTH_CORNERS = ((203.0, 140.0), (245.0, 141.0))

# Brush strokes over the 512 x 512 picture: (width, points (x, y)).
STROKES = (
    # Across the hair, the eye in the right half and the cheek.
    (58, ((196, 70), (300, 112), (328, 196), (322, 256), (396, 330), (410, 392))),
    # Half of the mouth and the chin.
    (46, ((176, 470), (196, 404), (238, 372), (246, 352))),
    # The hair on the left, and the background beyond.
    (50, ((20, 60), (72, 130), (62, 210), (108, 268))),
    # The collar and the lower right corner.
    (44, ((300, 500), (388, 462), (452, 476), (508, 420))),
)


def face_quad(eyes, mouth_corners) -> np.ndarray:
    """Returns the corners of the square that FFHQ crops around a face.

    Args:
        eyes: Centres of the two eyes (x, y), left in the picture first.
        mouth_corners: Corners of the mouth (x, y), left in the picture first.

    Returns:
        float64 [4, 2]: top left, bottom left, bottom right, top right.
    """
    eyes, mouth_corners = np.array(eyes), np.array(mouth_corners)
    eye_to_eye = eyes[1] - eyes[0]
    eye_to_mouth = mouth_corners.mean(axis=0) - eyes.mean(axis=0)
    right = eye_to_eye - _turned(eye_to_mouth)
    right /= np.hypot(*right)
    right *= max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8)
    down = _turned(right)
    centre = eyes.mean(axis=0) + eye_to_mouth * 0.1
    return np.stack(
        [centre - right - down, centre - right + down, centre + right + down, centre + right - down]
    )


def _turned(vector: np.ndarray) -> np.ndarray:
    """Turns (x, y) by a quarter: right becomes down."""
    return np.array([-vector[1], vector[0]])


def portrait() -> Image.Image:
    """Returns the photograph, cropped as FFHQ crops faces."""
    quad = face_quad(EYES, MOUTH_CORNERS)
    photograph = Image.fromarray(skimage.data.astronaut())
    if quad.min() < 0 or (quad.max(axis=0) > photograph.size).any():
        raise SystemExit("The face's square leaves the photograph, which needs padding.")
    # The square is enlarged, which needs no filter against aliasing.
    return photograph.transform(
        (SIDE, SIDE), Image.Transform.QUAD, quad.ravel(), Image.Resampling.BICUBIC
    )


def free_form_mask() -> Image.Image:
    """Returns a 1-bit mask of wide brush strokes: black is missing."""
    mask = Image.new("1", (SIDE, SIDE), 1)
    draw = ImageDraw.Draw(mask)
    for width, points in STROKES:
        draw.line(points, fill=0, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=0)
    return mask


def radiograph_mask(size: tuple[int, int]) -> Image.Image:
    """Returns a 1-bit mask for a radiograph: black is missing."""
    mask = Image.new("1", size, 1)
    width, height = size
    left, top, right, bottom = (
        round(fraction * side) for fraction, side in zip(HOLE, (width, height) * 2, strict=True)
    )
    ImageDraw.Draw(mask).rectangle((left, top, right - 1, bottom - 1), fill=0)
    return mask


def save_radiographs(source: Path, folder: Path) -> None:
    """Writes the radiographs, and a mask and a small measurement of the first one."""
    for name, file in RADIOGRAPHS.items():
        with Image.open(source / "held_out" / file) as radiograph:
            radiograph.convert("L").save(folder / f"{name}.png", optimize=True)
    with Image.open(folder / "xray.png") as radiograph:
        radiograph_mask(radiograph.size).save(folder / "xray_mask.png", optimize=True)
        # The measurement averages to the generator's size first, then by the factor.
        small = images.fit(images.load_image(folder / "xray.png", channels=1), resolution=SIZE)
        blocks = small.reshape(SIZE // FACTOR, FACTOR, -1, FACTOR, 1)
        images.save_image(folder / "xray_8.png", blocks.mean(axis=(1, 3)))


def main(arguments: list[str]) -> None:
    """Writes the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=EXAMPLES)
    parser.add_argument("--radiographs", type=Path, help="Folder of tools/prepare_xrays.py")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    save_face(options.folder)
    if options.radiographs is not None:
        save_radiographs(options.radiographs, options.folder)


def save_face(folder: Path) -> None:
    """Writes the face, its small version and a mask for it."""
    face = portrait()
    small = face.resize((SMALL_SIDE, SMALL_SIDE), Image.Resampling.BOX)
    face.save(folder / "astronaut.png", optimize=True)
    small.save(folder / "astronaut_32.png", optimize=True)
    free_form_mask().save(folder / "astronaut_mask.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
