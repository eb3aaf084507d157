"""Colour profiles of pictures, and their conversion to sRGB by LittleCMS (`PIL.ImageCms`).

The profile of a picture is its ICC profile, or one made from simpler metadata: cICP, gAMA and cHRM
of PNG files, WhitePoint and PrimaryChromaticities of TIFF files, and the Adobe RGB of EXIF. The
conversion is relative colorimetric with black point compensation. Colours are rounded to 8 bits;
greys keep their bits.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageCms

from brgm_tf.io import png_files

_EXIF, _COLOUR_SPACE, _INTEROPERABILITY = 0x8769, 0xA001, 0xA005
_ADOBE_RGB = 2  # a value of cameras, not of the standard
_WHITE_POINT, _PRIMARIES = 318, 319
# x and y of white, red, green and blue.
_SRGB_CHROMATICITIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE_CHROMATICITIES = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_WHITE_D65 = (0.3127, 0.3290)
# Code points of ITU-T H.273: BT.709, BT.470 M and BG, BT.601, BT.2020, DCI P3 and Display P3.
_CODED_CHROMATICITIES = {
    1: _SRGB_CHROMATICITIES,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_WHITE_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_WHITE_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*_WHITE_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_WHITE_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
# None is the curve of sRGB, which programs also use for BT.709, BT.601 and BT.2020.
_CODED_GAMMAS = {1: None, 4: 2.2, 5: 2.8, 6: None, 8: 1.0, 13: None, 14: None, 15: None}
_CODED_HIGH_RANGE = (16, 18)
_ADOBE_GAMMA = 563 / 256
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
# Programs write gAMA 0.45455 for sRGB, whose curve is not exactly a power.
_SRGB_GAMMA, _GAMMA_TOLERANCE = 0.45455, 0.005
# Profiles that move no colour by more levels are sRGB; the samples then stay exact.
_TOLERANCE = 1
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
UNUSABLE = (ImageCms.PyCMSError, OSError, ValueError, TypeError, ArithmeticError, struct.error)


def profile_of(image: Image.Image) -> bytes | None:
    """Returns the ICC profile of an opened picture; None if its samples are sRGB.

    Raises:
        One of `UNUSABLE`: the metadata describe no profile.
    """
    info = image.info
    if image.format == "PNG" and (code_points := _code_points(image)):
        return _coded_profile(code_points, is_grey=image.mode[0] in "1LIF")
    if info.get("icc_profile"):
        return info["icc_profile"]
    if image.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    is_grey = image.mode[0] in "1LIF"
    if image.format == "PNG":
        if "srgb" in info or not ("gamma" in info or "chromaticity" in info):
            return None
        gamma = info.get("gamma") or _SRGB_GAMMA
        is_srgb = abs(gamma - _SRGB_GAMMA) < _GAMMA_TOLERANCE
        return make_profile(
            None if is_srgb else 1 / gamma,
            chromaticities=info.get("chromaticity", _SRGB_CHROMATICITIES),
            is_grey=is_grey,
        )
    tags = getattr(image, "tag_v2", {})
    if _PRIMARIES in tags and not is_grey:
        white = tags.get(_WHITE_POINT, _SRGB_CHROMATICITIES[:2])
        chromaticities = [float(value) for value in (*white, *tags[_PRIMARIES])]
        return make_profile(None, chromaticities=chromaticities)
    if image.mode in ("RGB", "RGBA") and _is_adobe_rgb(image):
        return make_profile(_ADOBE_GAMMA, chromaticities=_ADOBE_CHROMATICITIES)
    return None


def _code_points(image: Image.Image) -> bytes | None:
    """Returns the cICP chunk of an opened PNG file; None once the file is closed."""
    file = getattr(image, "fp", None)
    return None if file is None else png_files.read_chunk(file, b"cICP")


def _coded_profile(code_points: bytes, *, is_grey: bool) -> bytes | None:
    """Returns the profile of code points: primaries, transfer, matrix and range."""
    primaries, transfer = code_points[0], code_points[1]
    if transfer in _CODED_HIGH_RANGE:
        raise ValueError("it has a high dynamic range, PQ or HLG")
    if primaries not in _CODED_CHROMATICITIES or transfer not in _CODED_GAMMAS:
        raise ValueError(f"unknown code points {primaries} and {transfer}")
    gamma = _CODED_GAMMAS[transfer]
    if primaries == 1 and gamma is None:
        return None
    chromaticities = _CODED_CHROMATICITIES[primaries]
    return make_profile(gamma, chromaticities=chromaticities, is_grey=is_grey)


def _is_adobe_rgb(image: Image.Image) -> bool:
    exif = image.getexif()
    if not exif:
        return False
    if exif.get_ifd(_EXIF).get(_COLOUR_SPACE) == _ADOBE_RGB:
        return True
    try:
        return exif.get_ifd(_INTEROPERABILITY).get(1) == "R03"
    except KeyError:  # Pillow 12, for a TIFF without this directory
        return False


def colours_to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Returns the colours of a picture in sRGB.

    Args:
        image: Picture of mode RGB, CMYK or LAB.
        profile: ICC profile of the picture.

    Returns:
        Picture of mode RGB; the same object if the profile is sRGB.

    Raises:
        One of `UNUSABLE`: the profile is damaged, or belongs to another kind of colours.
    """
    transform = _transform(profile, image.mode, "RGB")
    if image.mode == "RGB" and _is_identity(transform):
        return image
    return transform.apply(image)


def grey_curve(profile: bytes) -> np.ndarray | None:
    """Returns the sRGB levels of 65536 equally spaced greys, or None if the profile is sRGB.

    Args:
        profile: ICC profile of a grey picture. Programs also embed profiles of RGB, in which
            a grey is three equal samples.

    Returns:
        float32 [65536], levels in [0, 255].

    Raises:
        One of `UNUSABLE`: the profile is damaged, or describes inks.
    """
    if _open(profile).profile.xcolor_space.strip() == "RGB":
        ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=-1)
        greys = np.asarray(colours_to_srgb(Image.fromarray(ramp), profile), np.float32)
        curve = np.interp(np.arange(65536) / 257, np.arange(256), greys[0].mean(axis=-1))
    else:
        deep = Image.fromarray(np.arange(65536, dtype=np.uint16).reshape(256, 256))
        converted = _transform(profile, "I;16", "I;16").apply(deep)
        curve = np.asarray(converted, np.float32).ravel() / 257
    if np.abs(curve - np.arange(65536) / 257).max() <= _TOLERANCE:
        return None
    return curve.astype(np.float32)


def transform(profile: bytes, mode: str, *, back: bool = False) -> ImageCms.ImageCmsTransform:
    """Returns the conversion of colours to sRGB of 8 bits, or back.

    Args:
        profile: ICC profile of the colours.
        mode: Mode of the colours in Pillow: RGB, CMYK or LAB.
        back: Whether sRGB is converted to the profile.

    Raises:
        One of `UNUSABLE`: the profile is damaged, or belongs to another kind of colours.
    """
    return _transform_back(profile, mode) if back else _transform(profile, mode, "RGB")


@functools.lru_cache(maxsize=8)
def _transform_back(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        _open(make_profile(None)),
        _open(profile),
        "RGB",
        mode,
        renderingIntent=_INTENT,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str, result: str) -> ImageCms.ImageCmsTransform:
    srgb = make_profile(None, is_grey=result == "I;16")
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    if mode == "I;16":
        # The optimised curve is coarse near black.
        flags |= ImageCms.Flags.NOOPTIMIZE
    return ImageCms.buildTransform(
        _open(profile), _open(srgb), mode, result, renderingIntent=_INTENT, flags=flags
    )


def _open(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """Returns whether a transform of RGB leaves 9 x 9 x 9 colours and all greys as they are."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    greys = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    probe = np.concatenate([colours, greys])[None]
    converted = np.asarray(transform.apply(Image.fromarray(probe)), int)
    return np.abs(converted - probe).max() <= _TOLERANCE


# Making.


@functools.lru_cache(maxsize=8)
def _make_profile(
    gamma: float | None, chromaticities: tuple[float, ...] | None, is_grey: bool
) -> bytes:
    # Type 0: x^g. Type 3: (a x + b)^g from d on, c x below d.
    curve = (
        _curve(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        if gamma is None
        else _curve(0, gamma)
    )
    tags = [(b"wtpt", _xyz(_D50))]
    if is_grey:
        return _encode(b"GRAY", [*tags, (b"kTRC", curve)])
    matrix = _primaries(chromaticities or _SRGB_CHROMATICITIES)
    for i, letter in enumerate((b"r", b"g", b"b")):
        tags += [(letter + b"XYZ", _xyz(matrix[:, i])), (letter + b"TRC", curve)]
    return _encode(b"RGB ", tags)


def make_profile(
    gamma: float | None,
    *,
    chromaticities: Sequence[float] | None = None,
    is_grey: bool = False,
) -> bytes:
    """Returns an ICC profile with linear light = sample^gamma.

    Args:
        gamma: Exponent; None for the curve of sRGB.
        chromaticities: x and y of white, red, green and blue, 8 numbers; None for sRGB.
        is_grey: Whether the profile describes greys, which have no chromaticities.

    Raises:
        One of `UNUSABLE`: the chromaticities span no colours.

    Reference: ICC.1:2022, sections 7 to 10.

    Example:
        >>> make_profile(1.0, is_grey=True)[16:20]
        b'GRAY'
    """
    return _make_profile(gamma, tuple(chromaticities) if chromaticities else None, is_grey)


def _primaries(chromaticities: Sequence[float]) -> np.ndarray:
    """Returns XYZ [3, 3] of red, green and blue, in columns, adapted to the white D50."""
    x, y = np.reshape(chromaticities, [4, 2]).T
    white, *colours = np.stack([x / y, np.ones(4), (1 - x - y) / y], axis=-1)
    matrix = np.stack(colours, axis=-1)
    matrix = matrix * np.linalg.solve(matrix, white)
    scale = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    return np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ matrix


# XYZ of red, green and blue of sRGB in columns, adapted to the white D50.
SRGB_MATRIX = _primaries(_SRGB_CHROMATICITIES)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(values: Sequence[float] | np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*map(float, values))


def _curve(kind: int, *parameters: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + _fixed(*parameters)


def _encode(space: bytes, tags: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Returns a version 4 display profile with tags whose lengths are multiples of 4."""
    offset = 128 + 4 + 12 * len(tags)
    table, contents = struct.pack(">I", len(tags)), b""
    for name, content in tags:
        table += name + struct.pack(">II", offset + len(contents), len(content))
        contents += content
    header = struct.pack(">I4xI4s4s4s", offset + len(contents), 0x04000000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + _fixed(*_D50)
    return header.ljust(128, b"\0") + table + contents
