"""Makes the example pictures of the package, the same bytes each time.

    python tools/make_examples.py [FOLDER]

Needs scikit-image, which carries the photograph. Writes into brgm_tf/examples unless
another folder is given.

Reference: Karras, Laine and Aila, "A style-based generator architecture for generative
adversarial networks", 2019, appendix A (the alignment of FFHQ).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageDraw

EXAMPLES = Path(__file__).resolve().parents[1] / "brgm_tf" / "examples"
SIDE = 512
SMALL_SIDE = 32

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
        eyes: the two eyes' centres (x, y), left in the picture first.
        mouth_corners: the two corners of the mouth, likewise.

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
    # The square is enlarged, so that no filtering against aliasing is called for.
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


def main(arguments: list[str]) -> None:
    """Writes the three pictures."""
    folder = Path(arguments[0]) if arguments else EXAMPLES
    folder.mkdir(parents=True, exist_ok=True)
    face = portrait()
    small = face.resize((SMALL_SIDE, SMALL_SIDE), Image.Resampling.BOX)
    face.save(folder / "astronaut.png", optimize=True)
    small.save(folder / "astronaut_32.png", optimize=True)
    free_form_mask().save(folder / "astronaut_mask.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
