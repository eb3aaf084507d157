"""Restored faces -> changes of their photograph, by the map that measured them.

Notation: y the photograph, x_i the image of face i on the photograph's pixels, w_i in [0, 1] its
weight, d_i the distance from its centre in units of its side.

    result = y + sum_i a_i (x_i - y),   a_i = w_i b_i / sum_j b_j,   b_i = w_i exp(-12 d_i)

The weight rises from 0 at the edge of the observed square to 1 within 6 % of its side, so there
is no seam, and pixels outside keep their values. Where squares overlap, the nearer face counts.
If known pixels are put back, only missing pixels change, and a membrane joins them to the known
ones; see `corruptions.masking.membrane`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brgm_tf.core.lazy import tf
from brgm_tf.corruptions.resolution.align import Align
from brgm_tf.photographs.alignment import Alignment
from brgm_tf.photographs.faces import FaceSource
from brgm_tf.photographs.sampling import Picture, padded_box

_FEATHER = 0.06  # width of the rise of the weight, in units of the side
_SHARPNESS = 12.0
_TINY = 1e-30


@dataclasses.dataclass(frozen=True, eq=False)
class RestoredFace:
    """The result of a face.

    Args:
        source: Source of the face.
        image: float32 [R, R, C] in [-1, 1], the generator's image.
        parameters: Inferred parameters of `Align` by name.
    """

    source: FaceSource
    image: np.ndarray
    parameters: Mapping[str, float]


@dataclasses.dataclass(frozen=True, eq=False)
class Change:
    """New pixels of a part of a photograph.

    Args:
        top: First row.
        left: First column.
        image: float32 [h, w, 3] in [-1, 1].
        weight: float32 [h, w] in [0, 1]; pixels of weight 0 keep their values.
    """

    top: int
    left: int
    image: np.ndarray
    weight: np.ndarray


def changes_of(picture: Picture, faces: Sequence[RestoredFace], corruption: Any) -> list[Change]:
    """Returns the changes of a photograph, to be made one after another.

    Args:
        picture: Photograph.
        faces: Results of its faces.
        corruption: `Chain` or `Align` that measured the faces.
    """
    stages = getattr(corruption, "stages", (corruption,))
    puts_back = any(s.hides_pixels for s in stages[1:]) and all(s.keeps_pixels for s in stages[1:])
    changes = [_change_of(picture, face, stages[0], puts_back) for face in faces]
    nearness = [
        _nearness(face.source.square, change) * change.weight
        for face, change in zip(faces, changes, strict=True)
    ]
    return [
        dataclasses.replace(change, weight=_weight_over(changes, nearness, i))
        for i, change in enumerate(changes)
    ]


def _weight_over(changes: Sequence[Change], nearness: Sequence[np.ndarray], i: int) -> np.ndarray:
    """Returns the weight of change i over the changes before it, a_i / (1 - sum_(j > i) a_j)."""
    change = changes[i]
    total, later = nearness[i].copy(), np.zeros_like(nearness[i])
    parts = []
    for j, other in enumerate(changes):
        if j != i:
            here, there = _common(change, other)
            total[here] += nearness[j][there]
            parts += [(here, other.weight[there] * nearness[j][there])] if j > i else []
    for here, part in parts:
        later[here] += part / np.maximum(total[here], _TINY)
    weight = change.weight * nearness[i] / np.maximum(total, _TINY)
    return np.clip(weight / np.maximum(1 - later, _TINY), 0, 1)


def apply_changes(values: np.ndarray, changes: Sequence[Change]) -> np.ndarray:
    """Returns an array [H, W, 3] with changes; all other values stay exactly the same."""
    result = values.copy()
    for change in changes:
        height, width = change.weight.shape
        part = result[change.top : change.top + height, change.left : change.left + width]
        weight = change.weight[..., None]
        part += np.where(weight > 0, weight * (change.image - part), 0).astype(result.dtype)
    return result


def _change_of(picture: Picture, face: RestoredFace, align: Align, puts_back: bool) -> Change:
    source, box = face.source, face.source.box
    width, height = picture.size
    alignment = source.alignment((width, height), factor=1)
    values = _on_photograph(face, align, alignment)
    weight = _weight(alignment, box.extent, align.margin)
    missing = source.missing(picture) if puts_back else None
    if missing is not None:
        # Imported here, because SciPy is not needed to check flags.
        from brgm_tf.corruptions.masking.membrane import fill_seamlessly

        y = padded_box(picture, box.top, box.left, (box.extent, box.extent))
        hole = missing & (weight > 0)
        values = fill_seamlessly(values[None], y[None], known=~hole[None, ..., None])[0]
        weight = hole.astype(np.float32)
    rows = slice(max(-box.top, 0), min(height - box.top, box.extent))
    columns = slice(max(-box.left, 0), min(width - box.left, box.extent))
    top, left = max(box.top, 0), max(box.left, 0)
    return Change(top, left, values[rows, columns], weight[rows, columns])


def _on_photograph(face: RestoredFace, align: Align, alignment: np.ndarray) -> np.ndarray:
    """Returns the image on the pixels of the box, float32 [n, n, 3]."""
    place = align.for_photographs(face.source.box.extent)
    # The sampling follows the size of the face, not the size of the box.
    place = dataclasses.replace(place, side=float(alignment[2]), margin=0.0)
    place = place.for_photographs().with_data(alignment=alignment[None])
    values = {name: tf.constant([face.parameters[name]], tf.float32) for name in place.params}
    image = tf.constant(face.image[None], tf.float32)
    result = place.with_params(**values).forward(image).numpy()[0]
    return np.repeat(result, 3, axis=-1) if result.shape[-1] == 1 else result


def _weight(alignment: np.ndarray, size: int, margin: float) -> np.ndarray:
    """Returns w, float32 [size, size]: 0 outside of the observed square, 1 well inside."""
    row, column, side, angle = alignment[:4]
    centres = np.arange(size) + 0.5
    points = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1)
    unit = Alignment(row, column, side, angle).to_square(points)
    depth = 0.5 - margin - np.abs(unit - 0.5).max(axis=-1)
    rise = np.clip(depth / _FEATHER, 0, 1)
    return (rise * rise * (3 - 2 * rise)).astype(np.float32)


def _nearness(square: Alignment, change: Change) -> np.ndarray:
    """Returns exp(-12 d), float32 with the shape of the change."""
    height, width = change.weight.shape
    rows = np.arange(height)[:, None] + change.top + 0.5 - square.row
    columns = np.arange(width) + change.left + 0.5 - square.column
    distance = np.hypot(rows, columns) / square.side
    return np.exp(-_SHARPNESS * distance).astype(np.float32)


def _common(one: Change, other: Change) -> tuple[Any, Any]:
    """Returns the slices of the common part of two changes, in each of them."""
    here, there = [], []
    for a, b, n, m in (
        (one.top, other.top, one.weight.shape[0], other.weight.shape[0]),
        (one.left, other.left, one.weight.shape[1], other.weight.shape[1]),
    ):
        first, last = max(a, b), max(min(a + n, b + m), max(a, b))
        here.append(slice(first - a, last - a))
        there.append(slice(first - b, last - b))
    return tuple(here), tuple(there)
