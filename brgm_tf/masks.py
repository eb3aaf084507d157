"""Masks, bool [H, W, 1] with True = missing: read from files, matched to images, checked.

They may also be found in a damaged picture, by the one colour that fills its holes.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brgm_tf.checks import checked, number
from brgm_tf.errors import InputError
from brgm_tf.finding import expanded, find_images
from brgm_tf.images import central_square, fit, load_levels
from brgm_tf.registry import Parameter, Registry, Row

# A hole is made of connected pixels, at least so many: a highlight of a few is none.
MIN_REGION = 16
# A colour that is not named fills holes if its regions cover this share of the picture.
MIN_SHARE = 0.05
# What resizing may take of a hole's colour into a pixel that still counts as known.
_MAX_WEIGHT = 0.5 / 255


def match_masks(
    image_paths: Sequence[Path], spec: str | os.PathLike, *, argument: str = "masks"
) -> list[Path]:
    """Returns one mask file per image.

    Args:
        image_paths: the images.
        spec: one file, used for every image; a folder or glob pattern with a mask for
            each image, matched by the file's stem (of two such masks, the one that has
            the image's very file name); or 'example:NAME'.
        argument: name of the user's argument, for errors.

    Returns:
        As many paths, in the order of the images.

    Raises:
        InputError: an image has no mask, or more than one.
    """
    found = find_images(spec, argument=argument)
    if len(found) == 1 and not os.path.isdir(expanded(spec)):
        return found * len(image_paths)
    return [_mask_of(path, found, spec=spec, argument=argument) for path in image_paths]


def _mask_of(image: Path, masks: Sequence[Path], *, spec, argument: str) -> Path:
    matching = [mask for mask in masks if mask.stem == image.stem]
    if len(matching) > 1:
        matching = [mask for mask in matching if mask.name == image.name] or matching
    if len(matching) != 1:
        raise InputError(
            argument,
            f"must hold one mask for every image, with the image's name; for '{image.name}' "
            f"there are {len(matching)}",
            remedy=f"Put one file such as {image.stem}.png there, or give a single mask file",
            **{argument: os.fspath(spec)},
        )
    return matching[0]


def load_mask(
    path: str | os.PathLike,
    *,
    resolution: int,
    aspect: tuple[int, int] | None = None,
    argument: str = "masks",
) -> np.ndarray:
    """Reads a mask file: black (grey level below 128) is missing, all else is known.

    Colours become grey, and transparent pixels white (known), as in `load_image`. The
    mask is cropped to its central square, as `fit` crops the image, and resized to the
    nearest pixel. A square mask fits every image: it covers the square that is left.

    Args:
        path: the mask file.
        resolution: side of the result in pixels.
        aspect: (width, height) of the image before cropping; None accepts any shape.
        argument: name of the user's argument, for errors.

    Returns:
        bool [resolution, resolution, 1], True = missing.

    Raises:
        InputError: the file cannot be read, a non-square mask is of another shape than
            the image, or the mask leaves nothing known.
    """
    levels = load_levels(path, channels=1, argument=argument)
    height, width = levels.shape[:2]
    if width != height and aspect is not None and not _same_shape((width, height), aspect):
        raise InputError(
            argument,
            f"must be square or have the shape of the image, {aspect[0]} x {aspect[1]}",
            remedy="Make the mask on a copy of the image",
            path=str(path),
            width=width,
            height=height,
        )
    missing = central_square(levels < 128)
    nearest = (2 * np.arange(resolution) + 1) * len(missing) // (2 * resolution)
    missing = missing[nearest][:, nearest]
    _refuse_if_nothing_known(missing, argument=argument, path=str(path))
    return missing


def check_mask(mask: np.ndarray, *, resolution: int, argument: str = "masks") -> np.ndarray:
    """Checks a mask array, True = missing.

    Args:
        mask: bool [resolution, resolution] or [resolution, resolution, C]; a pixel is
            missing in all channels or in none.
        resolution: side of the image in pixels.
        argument: name of the user's argument, for errors.

    Returns:
        bool [resolution, resolution, 1].

    Raises:
        InputError: the mask has another shape, its channels differ, or it leaves nothing
            known.
    """
    shape = mask.shape
    missing = mask[..., None] if mask.ndim == 2 else mask
    if missing.shape[:2] != (resolution, resolution) or missing.shape[2:] in ((), (0,)):
        raise InputError(argument, f"must be {resolution} x {resolution} pixels", shape=shape)
    if (missing != missing[..., :1]).any():
        raise InputError(
            argument,
            "must be the same in every channel: a pixel is missing or known as a whole",
            remedy="Give [H, W, 1]",
            shape=shape,
        )
    _refuse_if_nothing_known(missing, argument=argument, shape=shape)
    # True is stored as 255 in the arrays that Pillow makes of 1-bit images; compiled code of
    # others takes it for 255 then.
    return missing[..., :1].view(np.uint8) != 0


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

    fill: tuple[float, ...] | None = None
    tolerance: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "fill", checked("fill", self.fill, colour))
        object.__setattr__(self, "tolerance", checked("tolerance", self.tolerance, number(0, 255)))

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
        _refuse_if_nothing_known(missing, argument="masks", picture=name)
        return missing


FINDERS = Registry(
    "masks",
    {
        "found": Row(
            "brgm_tf.masks:Found",
            "the pixels of each picture that have the colour of its holes",
            {
                "fill": Parameter(
                    None, colour, "that colour, a grey level or (R, G, B); else what stands out"
                ),
                "tolerance": Parameter(0.0, number(0, 255), "grey levels around it"),
            },
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


def _refuse_if_nothing_known(missing: np.ndarray, *, argument: str, **received) -> None:
    if missing.all():
        raise InputError(
            argument,
            "must leave a part of the image known; black (in arrays True) is missing and white "
            "(False) is known",
            remedy="Invert the mask if it is the other way round",
            **received,
        )


def _same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    # Sides that were scaled and rounded to whole pixels are off by up to one pixel.
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(other)
