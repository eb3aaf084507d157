"""Faces in a picture, by MTCNN: an image pyramid, three networks, and regressions of boxes.

Notation: N boxes [N, 5] hold (left, top, right, bottom, probability) in pixels.

The first network looks at all windows of 12 pixels in pictures that shrink step by step. The
second and the third one look at what is left, and correct the boxes. After each network, a box
that overlaps a box of higher probability is left out.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from brgm_tf.core.lazy import tf
from brgm_tf.photographs.mtcnn_networks import O_WINDOW, P_STRIDE, P_WINDOW, R_WINDOW, Networks

SMALLEST_FACE = 20  # pixels
_PYRAMID_STEP = 0.709  # about the square root of 1 / 2
_THRESHOLDS = (0.6, 0.7, 0.8)  # probabilities of P-, R- and O-Net
_OVERLAP_IN_LEVEL, _OVERLAP = 0.5, 0.7
LEVEL_SCALE = 127.5 / 128.0  # from images in [-1, 1]


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A face that was found.

    Args:
        box: (top, left, bottom, right) in pixels.
        probability: Probability of a face.
        landmarks: float64 (row, column) [5, 2]: eyes, nose, corners of the mouth, the left one in
            the picture first. The pixel in row i and column j covers [i, i + 1) x [j, j + 1).
    """

    box: tuple[float, float, float, float]
    probability: float
    landmarks: np.ndarray


def detect(image: np.ndarray, networks: Networks, *, smallest: int = SMALLEST_FACE) -> list[Face]:
    """Finds upright faces, the most probable one first.

    Args:
        image: float32 RGB [H, W, 3] in [-1, 1].
        networks: Networks of MTCNN.
        smallest: Smallest size of a face in pixels, 12 or more.
    """
    if min(image.shape[:2]) * P_WINDOW / smallest < P_WINDOW:
        return []
    images = tf.constant(image[None] * np.float32(LEVEL_SCALE))
    boxes = _squares(_proposals(images, networks, smallest))
    boxes = _squares(_refined(images, boxes, networks))
    return _located(images, boxes, networks)


def _proposals(images: tf.Tensor, networks: Networks, smallest: int) -> np.ndarray:
    height, width = images.shape[1:3]
    scale, levels = P_WINDOW / smallest, []
    while min(height, width) * scale >= P_WINDOW:
        size = [int(height * scale), int(width * scale)]
        level = tf.image.resize(images, size, method="area")
        boxes = _boxes_of_windows(*networks.propose(level))
        boxes[:, :4] /= scale
        levels.append(without_overlaps(boxes, _OVERLAP_IN_LEVEL))
        scale *= _PYRAMID_STEP
    return without_overlaps(np.concatenate(levels), _OVERLAP)


def _boxes_of_windows(probabilities: np.ndarray, corrections: np.ndarray) -> np.ndarray:
    """Returns the corrected boxes of the windows in which P-Net sees a face."""
    rows, columns = np.nonzero(probabilities[0] > _THRESHOLDS[0])
    corners = P_STRIDE * np.stack([columns, rows], axis=-1)
    # MTCNN counts from 1: a box reaches from its first to its last pixel.
    boxes = np.concatenate([corners + 1, corners + P_WINDOW], axis=-1).astype(np.float64)
    boxes += (P_WINDOW - 1) * corrections[0, rows, columns]
    return np.concatenate([boxes, probabilities[0, rows, columns, None]], axis=-1)


def _refined(images: tf.Tensor, boxes: np.ndarray, networks: Networks) -> np.ndarray:
    if not len(boxes):
        return boxes
    probabilities, corrections = networks.refine(windows_of(images, boxes, R_WINDOW))
    boxes = _corrected(boxes, probabilities, corrections)
    return without_overlaps(boxes[boxes[:, 4] > _THRESHOLDS[1]], _OVERLAP)


def _located(images: tf.Tensor, boxes: np.ndarray, networks: Networks) -> list[Face]:
    if not len(boxes):
        return []
    outputs = networks.locate(windows_of(images, boxes, O_WINDOW))
    probabilities, corrections, positions = outputs
    landmarks = landmarks_of(boxes, positions)
    boxes = _corrected(boxes, probabilities, corrections)
    indices = np.flatnonzero(boxes[:, 4] > _THRESHOLDS[2])
    indices = indices[order_without_overlaps(boxes[indices], _OVERLAP, of_smaller=True)]
    return [
        Face((top, left, bottom, right), score, landmarks[i])
        for i in indices
        for left, top, right, bottom, score in [boxes[i].tolist()]
    ]


def windows_of(images: tf.Tensor, boxes: np.ndarray, size: int) -> tf.Tensor:
    """Returns the contents of boxes as windows [N, size, size, 3]; mid-grey outside of the image.

    Args:
        images: One image [1, H, W, 3].
        boxes: [N, 5].
        size: Pixels of a window along a side.
    """
    height, width = images.shape[1:3]
    normalized = boxes[:, [1, 0, 3, 2]] / np.array([height, width, height, width])
    first = np.zeros(len(boxes), np.int32)
    return tf.image.crop_and_resize(images, normalized.astype(np.float32), first, [size, size])


def landmarks_of(boxes: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Returns the landmarks (row, column) [N, 5, 2] of O-Net's positions [N, 10] in boxes."""
    sizes = boxes[:, 2:4] - boxes[:, :2] + 1.0
    relative = positions.reshape(-1, 2, 5).astype(np.float64)
    columns_rows = sizes[:, :, None] * relative + boxes[:, :2, None] - 1.0
    # MTCNN counts from the centre of the first pixel.
    return np.moveaxis(columns_rows[:, ::-1], 1, 2) + 0.5


def without_overlaps(boxes: np.ndarray, largest: float) -> np.ndarray:
    """Returns the boxes in the order of `order_without_overlaps`."""
    return boxes[order_without_overlaps(boxes, largest)]


def order_without_overlaps(
    boxes: np.ndarray, largest: float, *, of_smaller: bool = False
) -> np.ndarray:
    """Returns the indices of boxes that overlap no more probable box, the most probable first.

    Args:
        boxes: [N, 5].
        largest: Largest overlap: intersection over union.
        of_smaller: Whether the overlap is the intersection over the smaller box.

    Example:
        >>> boxes = np.array([[0, 0, 4, 4, 0.8], [0, 0, 4, 5, 0.9], [9, 9, 12, 12, 0.7]])
        >>> order_without_overlaps(boxes, 0.5).tolist()
        [1, 2]
    """
    order = np.argsort(boxes[:, 4])[::-1]
    left, top, right, bottom, _ = boxes[order].T
    areas = (right - left) * (bottom - top)
    keep = np.ones(len(order), bool)
    for i in range(1, len(order)):
        width = np.minimum(right[i], right[:i]) - np.maximum(left[i], left[:i])
        height = np.minimum(bottom[i], bottom[:i]) - np.maximum(top[i], top[:i])
        common = np.maximum(width, 0) * np.maximum(height, 0)
        whole = np.minimum(areas[i], areas[:i]) if of_smaller else areas[i] + areas[:i] - common
        keep[i] = not np.any(common > largest * whole)
    return order[keep]


def _corrected(boxes: np.ndarray, probabilities: np.ndarray, corrections: np.ndarray) -> np.ndarray:
    sizes = boxes[:, 2:4] - boxes[:, :2] + 1.0
    moved = boxes[:, :4] + corrections * np.concatenate([sizes, sizes], axis=-1)
    return np.concatenate([moved, probabilities[:, None]], axis=-1)


def _squares(boxes: np.ndarray) -> np.ndarray:
    """Returns the boxes enlarged to squares about their centres."""
    centres = 0.5 * (boxes[:, :2] + boxes[:, 2:4])
    half = 0.5 * (boxes[:, 2:4] - boxes[:, :2]).max(axis=-1, keepdims=True, initial=-math.inf)
    return np.concatenate([centres - half, centres + half, boxes[:, 4:]], axis=-1)
