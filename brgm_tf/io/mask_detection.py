"""Masks found in a damaged picture, by the one colour that fills its holes."""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameters import check_fields, parameter
from brgm_tf.core.registry import Registry, Row
from brgm_tf.core.validation import number
from brgm_tf.io.images import central_square, fit
from brgm_tf.io.masks import refuse_if_nothing_known

# A hole is made of connected pixels, at least so many: a highlight of a few is none.
MIN_REGION = 16
# A colour that is not named fills holes if its regions cover this share of the picture.
MIN_SHARE = 0.05
# What resizing may take of a hole's colour into a pixel that still counts as known.
_MAX_WEIGHT = 0.5 / 255


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


@dataclasses.dataclass(frozen=True)
class Found:
    """Masks that are found in each damaged picture by its fill colour, see `find_missing`.

    Args:
        fill: the grey level of a hole, or its (R, G, B); None for the colour that stands out.
        tolerance: grey levels by which a pixel's channels may differ from it.

    Raises:
        InputError: fill is no such colour, or tolerance no level.
    """

    fill: tuple[float, ...] | None = parameter(
        colour, "that colour, a grey level or (R, G, B); else what stands out", default=None
    )
    tolerance: float = parameter(number(0, 255), "grey levels around it", default=0.0)

    def __post_init__(self):
        check_fields(self)

    def mask_of(self, levels: np.ndarray, *, resolution: int, name: str) -> np.ndarray:
        """The mask of a picture, whose central square is resized to `resolution`.

        A pixel that took part of a hole when the picture was resized is missing, too.

        Args:
            levels: [h, w, C] in [0, 255], before any resizing.
            resolution: side of the result in pixels.
            name: of the picture, for errors.

        Returns:
            bool [resolution, resolution, 1], True = missing.

        Raises:
            InputError: nothing is found, or nothing is left known.
        """
        missing = find_missing(
            central_square(levels), fill=self.fill, tolerance=self.tolerance, name=name
        )
        missing = np.abs(fit(missing, resolution=resolution)) > _MAX_WEIGHT
        refuse_if_nothing_known(missing, argument="masks", picture=name)
        return missing


FINDERS = Registry(
    "masks",
    {
        "found": Row(
            "brgm_tf.io.mask_detection:Found",
            "the pixels of each picture that have the colour of its holes",
        )
    },
)


def finder(spec) -> Found | None:
    """The `Found` that `spec` spells, 'found' or 'found(fill=255)'; None for another one.

    A file of that name is given as './found'.

    Raises:
        InputError: it is spelled so, with a value that cannot be used.
    """
    if not isinstance(spec, str) or not (spec == "found" or spec.startswith("found(")):
        return None
    return FINDERS.create(FINDERS.parse(spec))


def find_missing(
    levels: np.ndarray,
    *,
    fill: tuple[float, ...] | None = None,
    tolerance: float = 0.0,
    name: str = "picture",
) -> np.ndarray:
    """Finds the holes of a damaged picture by the one colour that fills them.

        missing = those connected regions, of at least MIN_REGION pixels, where
                  |level - fill| <= tolerance in all channels

    Levels are rounded to whole ones first; regions are connected over corners, too. A fill
    that is not given is the only colour whose regions cover MIN_SHARE of the picture: one
    with a background of one colour needs it said. Pixels missing one by one are not found.

    Args:
        levels: [h, w, C] in [0, 255].
        fill: one level or C of them, or None.
        tolerance: grey levels.
        name: of the picture, for errors.

    Returns:
        bool [h, w, 1], True = missing.

    Raises:
        InputError: there is no such region; without fill also if no colour stands out, or
            more than one.

    Reference: for the idea brgm-pytorch forwardModels.py, calcMaskFromImg: the fullest of
    256 bins of grey but the first, +- 1.5 grey levels, opened by 3 pixels, so that thin
    holes are lost and grey pixels of other colours are taken.
    """
    levels = np.rint(levels).astype(np.int32)
    if fill is None:
        fill = _fill_of(levels, tolerance=tolerance, name=name)
    elif len(fill) not in (1, levels.shape[-1]):
        raise InputError(
            "masks",
            f"must name a grey level as the fill: {name} is grey",
            remedy="Write found(fill=255)",
            fill=fill,
        )
    missing = _regions(levels, fill=fill, tolerance=tolerance)
    if not missing.any():
        raise InputError(
            "masks",
            f"found no hole in {name}: no connected {MIN_REGION} pixels have the colour of the "
            "fill",
            remedy="Give another fill, a tolerance or a mask file",
            fill=fill,
            tolerance=tolerance,
        )
    return missing[..., None]


def _fill_of(levels: np.ndarray, *, tolerance: float, name: str) -> tuple[int, ...]:
    """The only colour whose regions are large."""
    colours, counts = _frequent(levels)
    size = levels.shape[0] * levels.shape[1]
    large = [
        tuple(c.tolist())
        for c in colours[counts >= MIN_SHARE * size]
        if _regions(levels, fill=c, tolerance=tolerance).sum() >= MIN_SHARE * size
    ]
    if len(large) == 1:
        return large[0]
    if large:
        raise InputError(
            "masks",
            f"cannot tell by itself which colour fills the holes of {name}: several are frequent",
            remedy="Name it, such as found(fill=255)",
            colours=large,
        )
    raise InputError(
        "masks",
        f"found no colour that fills holes of {name}: none has regions that cover "
        f"{MIN_SHARE:.0%} of it",
        remedy="Name it, such as found(fill=255), or give a mask file",
        most_frequent=tuple(colours[0].tolist()),
        share=round(float(counts[0] / size), 4),
    )


def _frequent(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ten most frequent colours [10, C] and their counts, most frequent first."""
    channels = levels.shape[-1]
    weights = 256 ** np.arange(channels)
    codes, counts = np.unique(levels.reshape(-1, channels) @ weights, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:10]
    return codes[order, None] // weights % 256, counts[order]


def _regions(levels: np.ndarray, *, fill, tolerance: float) -> np.ndarray:
    """bool [h, w]: pixels of the colour in connected regions of at least MIN_REGION."""
    near = (np.abs(levels - np.asarray(fill)) <= tolerance).all(axis=-1)
    labels = connected_regions(near)
    large = np.bincount(labels.ravel()) >= MIN_REGION
    large[0] = False
    return large[labels]


def connected_regions(inside: np.ndarray) -> np.ndarray:
    """Labels [h, w] of regions of True, connected over sides and corners; 0 where False.

    Labels are positive, equal within a region and different between regions. Horizontal
    runs of pixels are the nodes of a graph, whose edges are passed over until each node has
    the smallest label of its component.

    Args:
        inside: bool [h, w].
    """
    starts = inside & ~np.pad(inside, ((0, 0), (1, 0)))[:, :-1]
    runs = np.cumsum(starts).reshape(inside.shape) * inside
    edges = [_meetings(runs[1:], runs[:-1])]
    edges += [_meetings(runs[1:, 1:], runs[:-1, :-1]), _meetings(runs[1:, :-1], runs[:-1, 1:])]
    a, b = np.concatenate(edges).T
    labels = np.arange(runs.max() + 1)
    while (labels[a] != labels[b]).any():
        least = np.minimum(labels[a], labels[b])
        # The labels' own nodes are told, so that whole chains join at once.
        for node in (labels[a], labels[b]):
            np.minimum.at(labels, node, least)
        while (labels != labels[labels]).any():
            labels = labels[labels]
    return labels[runs]


def _meetings(runs: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The pairs [n, 2] of runs that lie on each other in two arrays of one shape."""
    both = (runs > 0) & (others > 0)
    return np.unique(np.stack([runs[both], others[both]], axis=-1), axis=0)
