"""Interface of everything that an image can be loaded from.

TensorFlow is not imported here.
"""

from __future__ import annotations

import abc
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from brgm_tf.io.medical.slices import Geometry


class Header(NamedTuple):
    """Size of an image, known before its values are read.

    Args:
        height: Number of rows.
        width: Number of columns.
        channels: Number of channels or coils; None if the source converts to any number.
    """

    height: int
    width: int
    channels: int | None = None


class Content(NamedTuple):
    """Values of an image.

    Args:
        image: float32 [h, w, C] in [-1, 1], or k-space, complex64 [H, W, coils].
        geometry: Place of a medical slice in the patient; None for other sources.
        notes: Lines of text that tell the user which properties of the source are not used.
        alpha: float32 [h, w, 1] in [0, 1], 0 = transparent; None for opaque pictures.
    """

    image: np.ndarray
    geometry: Geometry | None = None
    notes: tuple[str, ...] = ()
    alpha: np.ndarray | None = None


class Placement(NamedTuple):
    """A box of a photograph, and the place of the image in it.

    Args:
        image: float32 [size, size, C] in [-1, 1].
        missing: bool [size, size, 1], True = missing; None without masks.
        alignment: float64 [8], see `corruptions.resolution.align.ALIGNMENT`.
        notes: Lines of text that tell the user which properties of the source are not used.
    """

    image: np.ndarray
    missing: np.ndarray | None
    alignment: np.ndarray
    notes: tuple[str, ...] = ()


class PlacedSource(abc.ABC):
    """A source whose image is a part of a photograph: it has its measured size already."""

    @abc.abstractmethod
    def place(self, *, channels: int) -> Placement:
        """Returns the box.

        Args:
            channels: Number of channels, 1 or 3.

        Raises:
            InputError: the photograph or its mask cannot be used.
        """


class Source(Protocol):
    """An image that can be checked before it is loaded."""

    @property
    def name(self) -> Path | None:
        """Path that names the results; None for an image without a name."""

    def header(self) -> Header:
        """Returns the size of the image and checks the image as far as this is cheap.

        Raises:
            InputError: the image cannot be used.
        """

    def load(self, *, channels: int) -> Content:
        """Returns the values of the image.

        Args:
            channels: Number of channels, 1 or 3; ignored where the header states a number.

        Raises:
            InputError: the image cannot be used.
        """
