"""The aligned squares of the faces in a photograph, by two passes of MTCNN.

The first pass looks for faces in a smaller copy. The second pass looks at each face upright, at a
size at which MTCNN is accurate, and averages the landmarks of several windows and of the mirror
image.
"""

from __future__ import annotations

import math

import numpy as np

from brgm_tf.core.lazy import tf
from brgm_tf.photographs.alignment import Alignment, square_of, square_of_visible
from brgm_tf.photographs.detection import LEVEL_SCALE, detect, landmarks_of, windows_of
from brgm_tf.photographs.filling import FilledPicture
from brgm_tf.photographs.mtcnn_networks import O_WINDOW, Networks
from brgm_tf.photographs.sampling import Picture, upright

_OVERVIEW_SIZE = 2400  # pixels of the larger side
_CROP_SIZE, _CROP_ZOOM = 384, 1.2
_SMALLEST_IN_CROP = 96  # pixels; a face takes a half of its crop
_SHIFTS, _ZOOMS = (-0.05, 0.0, 0.05), (0.9, 1.0, 1.1)
_WINDOWS = [(x, y, zoom) for x in _SHIFTS for y in _SHIFTS for zoom in _ZOOMS]
_NEAR_HOLE = 0.03  # in units of the side
_MIRRORED = [1, 0, 2, 4, 3]  # order of the landmarks in the mirror image


def find_faces(picture: Picture, networks: Networks) -> list[Alignment]:
    """Returns the squares of the faces in a photograph, from left to right.

    Args:
        picture: Photograph.
        networks: Networks of MTCNN.
    """
    overview, factor = picture.reduced(_OVERVIEW_SIZE)
    faces = detect(overview, networks)
    squares = [_square(picture, factor * face.landmarks) for face in faces]
    refined = [refine(picture, square, networks) for square in squares]
    return sorted(_different(refined), key=lambda square: square.column)


def refine(picture: Picture, square: Alignment, networks: Networks) -> Alignment:
    """Returns a more accurate square of a face, by a second pass on its upright crop.

    Args:
        picture: Photograph.
        square: Square by the landmarks of the first pass.
        networks: Networks of MTCNN.
    """
    landmarks = _landmarks_of_crop(picture, square, networks)
    return square if landmarks is None else _square(picture, landmarks)


def _square(picture: Picture, landmarks: np.ndarray) -> Alignment:
    """Returns the square of landmarks, of the visible ones alone if holes hide others."""
    square = square_of(landmarks)
    if isinstance(picture, FilledPicture):
        visible = picture.visible(landmarks, _NEAR_HOLE * square.side)
        if 2 <= visible.sum() < len(visible):
            return square_of_visible(landmarks, visible)
    return square


def _landmarks_of_crop(
    picture: Picture, square: Alignment, networks: Networks
) -> np.ndarray | None:
    """Returns landmarks (row, column) in the photograph; None if the crop shows no face."""
    area = square.moved(down=0.0, right=0.0, zoom=_CROP_ZOOM, turn=0.0)
    crop = upright(picture, area, _CROP_SIZE)
    faces = detect(crop, networks, smallest=_SMALLEST_IN_CROP)
    middle = _CROP_SIZE / 2
    faces = [one for one in faces if np.abs(one.landmarks[2] - middle).max() < middle / 3]
    if not faces:
        return None
    points = _averaged(crop, faces[0].box, networks) / _CROP_SIZE
    return area.to_picture(points)


def _averaged(
    crop: np.ndarray, box: tuple[float, float, float, float], networks: Networks
) -> np.ndarray:
    """Returns the mean landmarks of windows around a box, in a crop and its mirror image."""
    size = crop.shape[1]
    top, left, bottom, right = box
    half = 0.5 * max(bottom - top, right - left)
    centre = np.array([0.5 * (left + right), 0.5 * (top + bottom)])
    mirrored_centre = np.array([size - centre[0], centre[1]])
    means = []
    for image, middle in ((crop, centre), (crop[:, ::-1], mirrored_centre)):
        boxes = np.array([_window(middle, half, *one) for one in _WINDOWS])
        images = tf.constant(image[None] * np.float32(LEVEL_SCALE))
        _, _, positions = networks.locate(windows_of(images, boxes, O_WINDOW))
        means.append(landmarks_of(boxes, positions).mean(axis=0))
    mirrored = means[1][_MIRRORED]
    mirrored[:, 1] = size - mirrored[:, 1]
    return 0.5 * (means[0] + mirrored)


def _window(centre: np.ndarray, half: float, right: float, down: float, zoom: float) -> np.ndarray:
    """Returns a box (left, top, right, bottom, 1), moved and zoomed in units of its size."""
    middle = centre + 2 * half * np.array([right, down])
    return np.concatenate([middle - half * zoom, middle + half * zoom, [1.0]])


def _different(squares: list[Alignment]) -> list[Alignment]:
    """Returns the squares whose centres differ; two passes may lead to the same face."""
    result: list[Alignment] = []
    for square in squares:
        if all(
            math.hypot(square.row - one.row, square.column - one.column)
            > 0.15 * min(one.side, square.side)
            for one in result
        ):
            result.append(square)
    return result
