"""Detection of the masks of damaged pictures, by the one colour that fills their holes."""

from __future__ import annotations

import dataclasses
from typing import Protocol, runtime_checkable

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameters import check_fields, parameter
from brgm_tf.core.registry import Registry, Row
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.core.validation import number
from brgm_tf.io.images import crop_square
from brgm_tf.io.masks import check_any_known, resize_missing
from brgm_tf.io.sources import Content

# A hole has at least this number of connected pixels, so that small highlights are not holes.
MIN_REGION = 16
# A colour is detected as the fill if its regions cover at least this fraction of the picture.
MIN_FRACTION = 0.05


def colour(value) -> tuple[float, ...] | None:
    """Checks a colour: a grey level, three levels (R, G, B), or None."""
    if value is None:
        return None
    levels = value if isinstance(value, tuple | list) else (value,)
    try:
        if len(levels) in (1, 3):
            return tuple(map(number(0, 255), levels))
    except ValueError:
        pass
    raise ValueError("must be a grey level in [0, 255] or three of them, (R, G, B)")


@runtime_checkable
class Detector(Protocol):
    """A detector of the mask of each damaged picture."""

    def detect(self, content: Content, *, resolution: int, name: str) -> np.ndarray:
        """Returns bool [resolution, resolution, 1], True = missing, of a picture."""


@dataclasses.dataclass(frozen=True)
class MaskDetector:
    """Detector of the mask of each damaged picture by its fill colour; see `find_missing`.

    Args:
        fill: Grey level or (R, G, B) of the holes; None to detect the colour.
        tolerance: Largest difference of a channel from the fill, in grey levels.

    Raises:
        InputError: `fill` is not a colour, or `tolerance` is not a grey level.
    """

    fill: tuple[float, ...] | None = parameter(
        colour, "grey level or (R, G, B) of the holes; detected by default", default=None
    )
    tolerance: float = parameter(
        number(0, 255), "largest difference of a channel from the fill, in grey levels", default=0.0
    )

    def __post_init__(self):
        check_fields(self)

    def detect(self, content: Content, *, resolution: int, name: str) -> np.ndarray:
        """Returns the mask of a picture whose central square is resized to `resolution`.

        A pixel is missing if any part of a hole was resized into it.

        Args:
            content: The picture, before any resizing.
            resolution: Side of the result in pixels.
            name: Name of the picture, for errors.

        Returns:
            bool [resolution, resolution, 1], True = missing.

        Raises:
            InputError: no hole is detected, or the holes cover the whole picture.
        """
        levels = (content.image + 1.0) * GREY_LEVELS_PER_UNIT
        missing = find_missing(
            crop_square(levels), fill=self.fill, tolerance=self.tolerance, name=name
        )
        missing = resize_missing(missing[..., 0], resolution=resolution)
        check_any_known(missing, argument="masks", picture=name)
        return missing


DETECTORS = Registry(
    "masks",
    {
        "found": Row(
            "brgm_tf.io.mask_detection:MaskDetector",
            "the pixels of each picture that have the colour of its holes",
        ),
        "alpha": Row(
            "brgm_tf.io.alpha_masks:AlphaDetector",
            "the transparent pixels of each picture",
        ),
    },
)


def parse_detector(spec: object) -> Detector | None:
    """Returns the detector that 'found', 'found(fill=255)' or 'alpha' spells; None otherwise.

    A file with the name 'found' or 'alpha' is given as './found' or './alpha'.

    Raises:
        InputError: a parameter of the detector cannot be used.

    Example:
        >>> parse_detector("found(fill=255)")
        MaskDetector(fill=(255.0,), tolerance=0.0)
        >>> parse_detector("mask.png") is None
        True
    """
    if not isinstance(spec, str) or spec.split("(")[0] not in DETECTORS:
        return None
    return DETECTORS.create(DETECTORS.parse(spec))


def find_missing(
    levels: np.ndarray,
    *,
    fill: tuple[float, ...] | None = None,
    tolerance: float = 0.0,
    name: str = "picture",
) -> np.ndarray:
    """Finds the holes of a damaged picture by the one colour that fills them.

        missing = connected regions of at least MIN_REGION pixels with
                  |level - fill| <= tolerance in all channels

    Levels are rounded to integers first. Pixels are connected over sides and corners. Without
    `fill`, the fill is the only colour whose regions cover MIN_FRACTION of the picture; a picture
    with a background of one colour needs `fill`. Isolated missing pixels are not found.

    Args:
        levels: [h, w, C] in [0, 255].
        fill: One level or C levels; None to detect the colour.
        tolerance: Largest difference of a channel from the fill, in grey levels.
        name: Name of the picture, for errors.

    Returns:
        bool [h, w, 1], True = missing.

    Raises:
        InputError: there is no such region, or the fill cannot be detected.

    Reference: brgm-pytorch, forwardModels.py, calcMaskFromImg, which loses thin holes.

    Example:
        >>> levels = np.arange(64.0).reshape(8, 8, 1)
        >>> levels[2:6, 2:6] = 255
        >>> find_missing(levels, fill=(255,)).sum()
        np.int64(16)
    """
    levels = np.rint(levels).astype(np.int32)
    if fill is None:
        fill = _detect_fill(levels, tolerance=tolerance, name=name)
    elif len(fill) not in (1, levels.shape[-1]):
        raise InputError(
            "masks",
            f"must name a grey level as the fill because {name} is grey",
            remedy="Write found(fill=255)",
            fill=fill,
        )
    missing = _large_regions(levels, fill=fill, tolerance=tolerance)
    if not missing.any():
        raise _no_hole_error(name, fill=fill, tolerance=tolerance)
    return missing[..., None]


def _no_hole_error(name: str, *, fill: tuple[float, ...], tolerance: float) -> InputError:
    return InputError(
        "masks",
        f"found no hole in {name}: no {MIN_REGION} connected pixels have the colour of the fill",
        remedy="Give another fill, a tolerance or a mask file",
        fill=fill,
        tolerance=tolerance,
    )


def _detect_fill(levels: np.ndarray, *, tolerance: float, name: str) -> tuple[int, ...]:
    """Returns the only colour whose regions are large."""
    colours, counts = _frequent_colours(levels)
    size = levels.shape[0] * levels.shape[1]
    large = [
        tuple(c.tolist())
        for c in colours[counts >= MIN_FRACTION * size]
        if _large_regions(levels, fill=c, tolerance=tolerance).sum() >= MIN_FRACTION * size
    ]
    if len(large) == 1:
        return large[0]
    if large:
        raise InputError(
            "masks",
            f"cannot be found without a fill because several colours are frequent in {name}",
            remedy="Name the colour of the holes, such as found(fill=255)",
            colours=large,
        )
    raise InputError(
        "masks",
        f"found no colour that fills holes of {name}: no colour has regions that cover "
        f"{MIN_FRACTION:.0%} of it",
        remedy="Name the colour of the holes, such as found(fill=255), or give a mask file",
        most_frequent=tuple(colours[0].tolist()),
        fraction=round(float(counts[0] / size), 4),
    )


def _frequent_colours(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ten most frequent colours [10, C] and their counts, most frequent first."""
    channels = levels.shape[-1]
    weights = 256 ** np.arange(channels)
    codes, counts = np.unique(levels.reshape(-1, channels) @ weights, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:10]
    return codes[order, None] // weights % 256, counts[order]


def _large_regions(levels: np.ndarray, *, fill, tolerance: float) -> np.ndarray:
    """Returns bool [h, w]: pixels of the colour in connected regions of MIN_REGION or more."""
    near = (np.abs(levels - np.asarray(fill)) <= tolerance).all(axis=-1)
    labels = label_regions(near)
    large = np.bincount(labels.ravel()) >= MIN_REGION
    large[0] = False
    return large[labels]


def label_regions(inside: np.ndarray) -> np.ndarray:
    """Returns labels [h, w] of regions of True, connected over sides and corners; 0 where False.

    Labels are positive, equal within a region and different between regions. Horizontal runs of
    pixels are the nodes of a graph. Labels are propagated along its edges until each node has the
    smallest label of its component.

    Args:
        inside: bool [h, w].

    Example:
        >>> label_regions(np.array([[True, False, True], [True, False, False]])).tolist()
        [[1, 0, 2], [1, 0, 0]]
    """
    starts = inside & ~np.pad(inside, ((0, 0), (1, 0)))[:, :-1]
    runs = np.cumsum(starts).reshape(inside.shape) * inside
    edges = [_adjacent_pairs(runs[1:], runs[:-1])]
    edges += [
        _adjacent_pairs(runs[1:, 1:], runs[:-1, :-1]),
        _adjacent_pairs(runs[1:, :-1], runs[:-1, 1:]),
    ]
    a, b = np.concatenate(edges).T
    labels = np.arange(runs.max() + 1)
    while (labels[a] != labels[b]).any():
        least = np.minimum(labels[a], labels[b])
        # The nodes that give the labels are updated, so that whole chains join at once.
        for node in (labels[a], labels[b]):
            np.minimum.at(labels, node, least)
        while (labels != labels[labels]).any():
            labels = labels[labels]
    return labels[runs]


def _adjacent_pairs(runs: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the pairs [n, 2] of runs that overlap in two arrays of one shape."""
    both = (runs > 0) & (others > 0)
    return np.unique(np.stack([runs[both], others[both]], axis=-1), axis=0)
