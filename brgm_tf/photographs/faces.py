"""Faces of photographs as sources: each one is a box of the photograph's own pixels."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.alpha_masks import AlphaDetector
from brgm_tf.io.images import convert_channels
from brgm_tf.io.masks import read_missing
from brgm_tf.io.sources import Content, Header, PlacedSource, Placement
from brgm_tf.photographs.alignment import Alignment
from brgm_tf.photographs.opening import open_photograph
from brgm_tf.photographs.sampling import Picture, block_means, padded_alpha, padded_box

# Sides of boxes in pixels. Faces of similar sizes share a compiled program.
SIZES = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536)
_GRID = 16  # pixels of the blocks of JPEG, which a box must not cut


@dataclasses.dataclass(frozen=True)
class Box:
    """A square part of a photograph, which may reach beyond its edges.

    Args:
        top: First row.
        left: First column.
        size: Measured pixels along a side.
        factor: Pixels of the photograph for one measured pixel, along a side.
    """

    top: int
    left: int
    size: int
    factor: int

    @property
    def extent(self) -> int:
        """Pixels of the photograph along a side."""
        return self.size * self.factor


def box_of(square: Alignment, size: int = 0) -> Box:
    """Returns the box of a square: the smallest of `SIZES`, or of means of whole blocks.

    Args:
        square: Square in the photograph.
        size: Smallest size of the box.

    Example:
        >>> box_of(Alignment(100.0, 100.0, 80.0, 0.0))
        Box(top=48, left=48, size=96, factor=1)
    """
    reach = np.ptp(square.corners(), axis=0).max()
    factor = max(1, math.ceil((reach + _GRID) / SIZES[-1]))
    needed = max((reach + _GRID) / factor, size)
    size = next((one for one in SIZES if one >= needed), SIZES[-1])
    corner = np.array([square.row, square.column]) - 0.5 * size * factor
    top, left = (_GRID * np.rint(corner / _GRID)).astype(int).tolist()
    return Box(top, left, size, factor)


@dataclasses.dataclass(frozen=True, eq=False)
class FaceSource(PlacedSource):
    """A face in a photograph.

    Args:
        photograph: Source of the photograph.
        square: Square of the face.
        mask: Mask of the photograph; see `io.inputs.InputSpec`.
        size: Smallest size of the box in measured pixels; 0 for the size that the face needs.
    """

    photograph: Any
    square: Alignment
    mask: Any = None
    size: int = 0

    @property
    def name(self) -> Path | None:
        """Path of the photograph."""
        return self.photograph.name

    @property
    def path(self) -> Path | None:
        """Path of the photograph's file; None for an image in memory."""
        path = getattr(self.photograph, "path", None)
        return path if isinstance(path, Path) else None

    @functools.cached_property
    def box(self) -> Box:
        """Box of the photograph."""
        return box_of(self.square, self.size)

    def header(self) -> Header:
        """Returns the size of the box."""
        return Header(self.box.size, self.box.size)

    def load(self, *, channels: int) -> Content:
        """Returns the box."""
        placement = self.place(channels=channels)
        return Content(placement.image, notes=placement.notes)

    def open(self) -> Picture:
        """Returns the photograph."""
        return open_photograph(self.photograph)

    def place(self, *, channels: int) -> Placement:
        """Returns the box, its missing pixels, and the place of the face in it."""
        picture, box = self.open(), self.box
        whole = padded_box(picture, box.top, box.left, (box.extent, box.extent))
        image = convert_channels(block_means(whole, box.factor), channels=channels)
        missing = self.missing(picture)
        if missing is not None:
            blocks = missing.reshape(box.size, box.factor, box.size, box.factor)
            missing = np.asarray(blocks.any(axis=(1, 3)))[..., None]
        return Placement(image, missing, self.alignment(picture.size), self._notes(picture))

    def alignment(self, size: tuple[int, int], *, factor: int = 0) -> np.ndarray:
        """Returns the alignment [8] of `Align` in pixels of the box.

        Args:
            size: Width and height of the photograph.
            factor: Pixels of the photograph for one pixel; 0 for the factor of the box.
        """
        box, square = self.box, self.square
        edges = [-box.top, -box.left, size[1] - box.top, size[0] - box.left]
        pixels = [square.row - box.top, square.column - box.left, square.side]
        scaled = np.array([*pixels, 0.0, *edges], np.float64) / (factor or box.factor)
        scaled[3] = square.angle
        return scaled

    def missing(self, picture: Picture) -> np.ndarray | None:
        """Returns the missing pixels of the box at the photograph's size, bool [n, n].

        Raises:
            InputError: The mask has another size than the photograph.
        """
        box = self.box
        if self.mask is None:
            return None
        if isinstance(self.mask, InputError):
            raise self.mask
        if hasattr(self.mask, "detect"):
            return self._detected(picture)
        mask = _mask_of(self.mask, picture.size)
        result = np.zeros((box.extent, box.extent), bool)
        first = max(box.top, 0), max(box.left, 0)
        part = mask[first[0] : box.top + box.extent, first[1] : box.left + box.extent]
        rows, columns = first[0] - box.top, first[1] - box.left
        result[rows : rows + part.shape[0], columns : columns + part.shape[1]] = part
        return result

    def _detected(self, picture: Picture) -> np.ndarray:
        """Returns the missing pixels that a detector finds in the box; none is no error."""
        box = self.box
        corner, size = (box.top, box.left), (box.extent, box.extent)
        content = Content(
            padded_box(picture, *corner, size), alpha=padded_alpha(picture, *corner, size)
        )
        try:
            missing = self.mask.detect(content, resolution=box.extent, name=str(self.name))
        except InputError:
            return np.zeros(size, bool)
        return missing[..., 0]

    def _notes(self, picture: Picture) -> tuple[str, ...]:
        notes = [*getattr(picture, "notes", ())]
        if self.box.factor > 1:
            factor = self.box.factor
            notes.append(f"The large face is measured as means of {factor} x {factor} pixels")
        return tuple(notes)


def known_holes(mask: Any, picture: Picture) -> np.ndarray | None:
    """Returns the missing pixels of a photograph, bool [H, W]; None if they are not known yet.

    Args:
        mask: Mask of the photograph; holes that have to be found by their colour are not known.
        picture: Photograph.

    Raises:
        InputError: The mask has another size than the photograph.
    """
    if isinstance(mask, AlphaDetector):
        alpha = picture.alpha_box(0, 0, *picture.size[::-1])
        return None if alpha is None else alpha[..., 0] < 1
    if mask is None or isinstance(mask, InputError) or hasattr(mask, "detect"):
        return None
    return _mask_of(mask, picture.size)


def _mask_of(mask: Any, size: tuple[int, int]) -> np.ndarray:
    """Returns the missing pixels of a mask in the photograph's coordinates, bool [H, W]."""
    missing = np.asarray(mask) if isinstance(mask, np.ndarray) else read_missing(mask)
    missing = missing[..., 0] if missing.ndim == 3 else missing
    if missing.shape != size[::-1]:
        raise InputError(
            "masks",
            f"must have the size of the photograph, {size[0]} x {size[1]} pixels",
            remedy="Make the mask on a copy of the photograph",
            width=missing.shape[1],
            height=missing.shape[0],
        )
    return missing
