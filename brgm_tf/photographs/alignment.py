"""The square of a picture that FFHQ would cut out for a face.

Notation: the pixel in row i and column j covers [i, i + 1) x [j, j + 1); the landmarks are the
eyes e_0 (left in the picture), e_1, the nose, and the corners of the mouth m_0, m_1.

    e = (e_0 + e_1) / 2,  m = (m_0 + m_1) / 2,  d = e_1 - e_0,  v = m - e
    x = d - rot(v),  scaled to the length max(2 |d|, 1.8 |v|),  rot(v) = v turned by +90 degrees
    centre = e + 0.1 v,  side = 2 |x|,  angle = direction of x

Reference: Karras, Laine, Aila, A style-based generator architecture for generative adversarial
networks (2019), `download_ffhq.py`, which takes 68 landmarks of dlib.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

# Mean landmarks (down, right) of 50 faces in FFHQ's square.
MEAN_FACE = np.array(
    [[0.4708, 0.3779], [0.4699, 0.6193], [0.6145, 0.5066], [0.7262, 0.3896], [0.7254, 0.6100]]
)


@dataclasses.dataclass(frozen=True)
class Alignment:
    """A square of a picture, which may be turned and may reach beyond the picture.

    Args:
        row: Row of its centre.
        column: Column of its centre.
        side: Side in pixels.
        angle: Angle from the picture's right to the square's right in degrees, clockwise.

    Example:
        >>> Alignment(50.0, 60.0, 20.0, 0.0).corners().tolist()
        [[40.0, 50.0], [40.0, 70.0], [60.0, 70.0], [60.0, 50.0]]
    """

    row: float
    column: float
    side: float
    angle: float = 0.0

    def corners(self) -> np.ndarray:
        """Returns (row, column) of the corners [4, 2], clockwise from the upper left one."""
        unit = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], np.float64)
        return self.to_picture(unit)

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Returns the (row, column) in the picture of points (down, right) [..., 2] in [0, 1]."""
        down, right = np.moveaxis(self.side * (np.asarray(points, np.float64) - 0.5), -1, 0)
        cosine, sine = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        rows = self.row + cosine * down + sine * right
        columns = self.column - sine * down + cosine * right
        return np.stack([rows, columns], axis=-1)

    def to_square(self, points: np.ndarray) -> np.ndarray:
        """Returns the (down, right) in [0, 1] of points (row, column) [..., 2] of the picture."""
        rows, columns = np.moveaxis(np.asarray(points, np.float64), -1, 0)
        rows, columns = rows - self.row, columns - self.column
        cosine, sine = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        down = cosine * rows - sine * columns
        right = sine * rows + cosine * columns
        return np.stack([down, right], axis=-1) / self.side + 0.5

    def moved(self, *, down: float, right: float, zoom: float, turn: float) -> Alignment:
        """Returns the square moved in its axes by fractions of its side, zoomed and turned.

        Args:
            down, right: Shifts along the axes of this square, in units of its side.
            zoom: Factor of the side.
            turn: Degrees, clockwise.
        """
        row, column = self.to_picture(np.array([0.5 + down, 0.5 + right]))
        return Alignment(float(row), float(column), self.side * zoom, self.angle + turn)

    def relative(self, reference: Alignment) -> dict[str, float]:
        """Returns the arguments of `moved` that make this square of the reference."""
        down, right = reference.to_square(np.array([self.row, self.column])) - 0.5
        turn = (self.angle - reference.angle + 180.0) % 360.0 - 180.0
        zoom = self.side / reference.side
        return {"down": float(down), "right": float(right), "zoom": zoom, "turn": turn}


def corner_error(square: Alignment, truth: Alignment, *, resolution: int = 1024) -> float:
    """Returns the mean distance of the corners of two squares, in pixels of the true crop."""
    distances = np.linalg.norm(square.corners() - truth.corners(), axis=-1)
    return float(distances.mean() / truth.side * resolution)


def square_of(landmarks: np.ndarray) -> Alignment:
    """Returns the square of FFHQ's formula for five landmarks.

    Args:
        landmarks: (row, column) [5, 2] of the eye on the left of the picture, the other eye, the
            nose, the corner of the mouth on the left, and the other corner.

    Example:
        >>> square_of(np.array([[40, 40], [40, 60], [50, 50], [60, 42], [60, 58.0]]))
        Alignment(row=42.0, column=50.0, side=80.0, angle=0.0)
    """
    points = np.asarray(landmarks, np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    between, down = points[1] - points[0], mouth - eyes
    # Turned by +90 degrees in (column, row), a vector (row, column) becomes (column, -row).
    axis = between + np.array([-down[1], down[0]])
    length = max(2.0 * float(np.linalg.norm(between)), 1.8 * float(np.linalg.norm(down)))
    row, column = eyes + 0.1 * down
    angle = math.degrees(math.atan2(axis[0], axis[1]))
    return Alignment(float(row), float(column), 2.0 * length, angle)


def square_of_visible(landmarks: np.ndarray, visible: np.ndarray) -> Alignment:
    """Returns the square whose mean face lies nearest to the visible landmarks.

    The similarity of least squares maps `MEAN_FACE` to them. A guess of a hidden landmark would
    turn the square.

    Args:
        landmarks: See `square_of`.
        visible: bool [5], two of them True at least.

    Example:
        >>> visible = np.array([True, True, True, False, True])
        >>> square = square_of_visible(100 * MEAN_FACE, visible)
        >>> round(square.row), round(square.column), round(square.side), round(square.angle)
        (50, 50, 100, 0)
    """
    points = np.asarray(landmarks, np.float64)[visible]
    # Complex numbers: column + i row; a similarity is z -> a z + b.
    z, face = points @ [1j, 1.0], MEAN_FACE[visible] @ [1j, 1.0]
    centred = face - face.mean()
    a = np.vdot(centred, z - z.mean()) / np.vdot(centred, centred)
    middle = a * (0.5 + 0.5j - face.mean()) + z.mean()
    angle = math.degrees(math.atan2(a.imag, a.real))
    return Alignment(float(middle.imag), float(middle.real), float(abs(a)), angle)
