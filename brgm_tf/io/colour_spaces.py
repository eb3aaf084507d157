"""Colour spaces of samples, to sRGB and back.

A profile of three curves and a matrix is computed here in floats, so samples of 16 bits keep their
bits. LittleCMS (`PIL.ImageCms`) converts other profiles, such as tables and inks, with 8 bits.

Notation: s = samples in [0, 1], v = sRGB in [0, 1], f = curve, e = curve of sRGB, M = primaries.

    curves and a matrix:   e(v) = inv(M_srgb) M f(s)
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from typing import Protocol

import numpy as np
from PIL import Image

from brgm_tf.io import profiles

_GRID = 65536  # every sample of 16 bits is a point of a curve's table
_TOLERANCE = 1 / 255
# Tags of tables, which go before curves and a matrix.
_TABLES = (b"A2B0", b"A2B1")


class ColourSpace(Protocol):
    """A colour space of samples."""

    def to_srgb(self, samples: np.ndarray) -> np.ndarray:
        """Returns sRGB [h, w, 3] in [0, 1], clipped, of samples [h, w, C] in [0, 1]."""

    def from_srgb(self, colours: np.ndarray) -> np.ndarray:
        """Returns samples [h, w, C] in [0, 1] of sRGB [h, w, 3] in [0, 1]."""


def colour_space(mode: str, profile: bytes | None) -> ColourSpace:
    """Returns the colour space of samples.

    Args:
        mode: 'L', 'RGB', 'CMYK' or 'LAB'.
        profile: ICC profile; None for sRGB and for inks without a profile.

    Raises:
        One of `profiles.UNUSABLE`: the profile is damaged, or belongs to another kind of colours.

    Example:
        >>> adobe = profiles.make_profile(2.2, chromaticities=None)
        >>> space = colour_space("RGB", adobe)
        >>> colours = np.full((1, 1, 3), 0.25)
        >>> np.allclose(space.to_srgb(space.from_srgb(colours)), colours, atol=1e-5)
        True
    """
    if mode == "L":
        return Grey(None if profile is None else profiles.grey_curve(profile))
    if mode == "CMYK" and profile is None:
        return Inks()
    if profile is None:
        return Standard()
    curves = matrix_and_curves(profile) if mode == "RGB" else None
    if curves is None:
        return Table(profile, mode)
    return Standard() if _is_srgb(curves) else curves


@dataclasses.dataclass(frozen=True)
class Standard:
    """sRGB itself."""

    def to_srgb(self, samples: np.ndarray) -> np.ndarray:
        """Returns the samples."""
        return samples

    def from_srgb(self, colours: np.ndarray) -> np.ndarray:
        """Returns the colours."""
        return colours


@dataclasses.dataclass(frozen=True)
class Inks:
    """Inks without a profile: v = (1 - ink)(1 - black)."""

    def to_srgb(self, samples: np.ndarray) -> np.ndarray:
        """Returns the colours of four inks."""
        return (1 - samples[..., :3]) * (1 - samples[..., 3:])

    def from_srgb(self, colours: np.ndarray) -> np.ndarray:
        """Returns three inks without black."""
        return np.concatenate([1 - colours, np.zeros_like(colours[..., :1])], axis=-1)


@dataclasses.dataclass(frozen=True, eq=False)
class Grey:
    """Greys.

    Args:
        curve: sRGB levels [65536] of equally spaced greys; None for sRGB.
    """

    curve: np.ndarray | None = None

    def to_srgb(self, samples: np.ndarray) -> np.ndarray:
        """Returns a grey three times."""
        greys = samples
        if self.curve is not None:
            greys = np.interp(samples, _axis(), self.curve / 255)
        return np.repeat(greys, 3, axis=-1)

    def from_srgb(self, colours: np.ndarray) -> np.ndarray:
        """Returns the luma of the colours, 0.299 R + 0.587 G + 0.114 B."""
        red, green, blue = np.moveaxis(colours, -1, 0)
        luma = (green + 0.299 * (red - green) + 0.114 * (blue - green))[..., None]
        return luma if self.curve is None else np.interp(luma, self.curve / 255, _axis())


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """Colours of three curves and a matrix.

    Args:
        curves: Linear light of equally spaced samples, [3, 65536].
        matrix: XYZ of red, green and blue in columns, [3, 3].
    """

    curves: np.ndarray
    matrix: np.ndarray

    def to_srgb(self, samples: np.ndarray) -> np.ndarray:
        """Returns the colours of samples."""
        linear = np.stack(
            [np.interp(samples[..., i], _axis(), self.curves[i]) for i in range(3)], axis=-1
        )
        linear = linear @ np.linalg.solve(profiles.SRGB_MATRIX, self.matrix).T
        return _encode(linear.clip(0, 1))

    def from_srgb(self, colours: np.ndarray) -> np.ndarray:
        """Returns the samples of colours, clipped to the colours that the space has."""
        linear = _decode(colours) @ np.linalg.solve(self.matrix, profiles.SRGB_MATRIX).T
        return np.stack(
            [np.interp(linear[..., i], self.curves[i], _axis()) for i in range(3)], axis=-1
        )


@dataclasses.dataclass(frozen=True)
class Table:
    """Colours that LittleCMS converts, with 8 bits.

    Args:
        profile: ICC profile.
        mode: Mode of the samples in Pillow: RGB, CMYK or LAB.
    """

    profile: bytes
    mode: str

    def __post_init__(self):
        # An unusable profile is refused now.
        profiles.transform(self.profile, self.mode)
        profiles.transform(self.profile, self.mode, back=True)

    def to_srgb(self, samples: np.ndarray) -> np.ndarray:
        """Returns the colours of samples."""
        return self._convert(samples, self.mode, back=False)

    def from_srgb(self, colours: np.ndarray) -> np.ndarray:
        """Returns the samples of colours."""
        return self._convert(colours, "RGB", back=True)

    def _convert(self, values: np.ndarray, mode: str, *, back: bool) -> np.ndarray:
        height, width, channels = values.shape
        levels = np.rint(values.clip(0, 1) * 255).astype(np.uint8)
        picture = Image.frombytes(mode, (width, height), levels[..., :channels].tobytes())
        converted = profiles.transform(self.profile, self.mode, back=back).apply(picture)
        return np.asarray(converted, np.float32) / np.float32(255)


# Profiles of curves and a matrix.


def matrix_and_curves(profile: bytes) -> Curves | None:
    """Returns the curves and the matrix of an ICC profile of RGB; None for a profile of tables.

    Raises:
        One of `profiles.UNUSABLE`: the profile is damaged, or describes other colours.

    Reference: ICC.1:2022, sections 7.3, 10.6 and 10.18.
    """
    if profile[36:40] != b"acsp":
        raise ValueError("it is no ICC profile")
    if profile[16:20] != b"RGB ":
        raise ValueError(f"it describes {profile[16:20].decode('ascii', 'replace').strip()}")
    tags = _tags(profile)
    names = [letter + kind for kind in (b"XYZ", b"TRC") for letter in (b"r", b"g", b"b")]
    if profile[20:24] != b"XYZ " or any(name in tags for name in _TABLES):
        return None
    if not all(name in tags for name in names):
        raise ValueError("it lacks primaries or curves")
    columns = [struct.unpack(">3i", tags[name][8:20]) for name in names[:3]]
    matrix = np.transpose(columns) / 65536
    curves = np.stack([_curve(tags[name]) for name in names[3:]])
    if not np.isfinite(curves).all() or (np.diff(curves) < 0).any():
        raise ValueError("a curve falls")
    if abs(np.linalg.det(matrix)) < 1e-6:
        raise ValueError("its primaries span no colours")
    return Curves(curves, matrix)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for i in range(min(count, 1000)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * i)
        tags[name] = profile[offset : offset + size]
        if len(tags[name]) < size:
            raise ValueError("it is truncated")
    return tags


def _curve(tag: bytes) -> np.ndarray:
    """Returns the linear light of equally spaced samples, float64 [65536] in [0, 1]."""
    x = _axis()
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        values = np.frombuffer(tag, ">u2", count, 12)
        if count == 1:
            return x ** (values[0] / 256)
        return np.interp(x, np.linspace(0, 1, count), values / 65535)
    if tag[:4] != b"para":
        raise ValueError("a curve has an unknown type")
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = (1, 3, 4, 5, 7)[kind] if kind < 5 else 0
    if not count:
        raise ValueError("a curve has an unknown function")
    return _parametric(x, kind, *np.frombuffer(tag, ">i4", count, 12) / 65536)


def _parametric(
    x: np.ndarray,
    kind: int,
    gamma: float,
    a: float = 1.0,
    b: float = 0.0,
    c: float = 0.0,
    d: float = 0.0,
    e: float = 0.0,
    f: float = 0.0,
) -> np.ndarray:
    """Returns (a x + b)^gamma + e from d on, and c x + f below d, clipped to [0, 1]."""
    if kind in (1, 2):  # The offset of type 2 is called c, and the limit is -b / a.
        c, d, e, f = 0.0, -b / a, c, c
    power = np.maximum(a * x + b, 0) ** gamma + e
    return np.where(x >= d, power, c * x + f).clip(0, 1)


def _is_srgb(curves: Curves) -> bool:
    """Returns whether the colours of a space differ from sRGB by at most one grey level."""
    steps = np.linspace(0, 1, 17)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    return bool(np.abs(curves.to_srgb(colours) - colours).max() <= _TOLERANCE)


@functools.cache
def _axis() -> np.ndarray:
    return np.linspace(0, 1, _GRID)


def _encode(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _decode(colours: np.ndarray) -> np.ndarray:
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
