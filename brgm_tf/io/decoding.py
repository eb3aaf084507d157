"""Encoded pictures -> float grey levels in sRGB.

Files are decoded to float levels in [0, 255], so that samples of 16 bits, transparency, luma and
resizing are never rounded to 8 bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from brgm_tf.core.errors import InputError
from brgm_tf.io import deep_samples, opening, profiles, tiff_files
from brgm_tf.io.colour_spaces import ColourSpace, Grey, Inks, Standard, colour_space
from brgm_tf.io.opening import Frame, Readable
from brgm_tf.io.orientation import orientation_of, upright

_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0
_BAND_PIXELS = 1 << 20
ROUNDED = "Samples of 16 bits are read to 8 bits; save the picture as 16-bit RGB to keep all bits"
NO_INK_PROFILE = "CMYK colours without a profile are converted by (1 - ink)(1 - black)"


@dataclasses.dataclass(frozen=True)
class Decoded:
    """A decoded picture, upright and in sRGB.

    Args:
        colours: float32 [H, W, 1 or 3], levels in [0, 255], without transparency.
        alpha: float32 [H, W, 1] in [0, 1], 0 = transparent; None for opaque pictures.
        notes: Lines of text that tell the user about properties of the file that are not used.
    """

    colours: np.ndarray
    alpha: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @property
    def levels(self) -> np.ndarray:
        """Levels [H, W, 1 or 3] of the picture, composited on white."""
        if self.alpha is None:
            return self.colours
        return self.colours * self.alpha + 255 * (1 - self.alpha)


def decode(source: Readable, *, argument: str = "input") -> Decoded:
    """Decodes a picture, turns it upright and converts its colours to sRGB.

    Args:
        source: Path of the image file, an object with `open`, or a PIL image.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, not an image, truncated or too large to be decoded
            safely, or a sample is out of range.

    Example:
        >>> decode(Image.new("LA", (1, 1), (0, 51))).levels.item()
        204.0
    """

    def read_all(image: Image.Image) -> Decoded:
        notes = [] if isinstance(source, Frame) else frame_notes(image)
        if deep_samples.is_rounded(image):
            if not isinstance(source, Image.Image) and deep_samples.can_read(image):
                return _decode_deep(image, source, notes=notes)
            notes.append(ROUNDED)
        return _decode(image, name=str(source), argument=argument, notes=notes)

    def read_page(file: BinaryIO) -> Decoded:
        page = tiff_files.read_page(file, frame=opening.frame_of(source))
        return _decode_page(page, name=str(source), argument=argument)

    return opening.read(read_all, source, argument=argument, otherwise=read_page)


# Pictures that Pillow decodes.


def _decode(image: Image.Image, *, name: str, argument: str, notes: list[str]) -> Decoded:
    maximum, low_is_white = sample_scale(image)
    profile = usable_profile(image, notes)
    transparent_sample = image.info.get("transparency")
    image = ImageOps.exif_transpose(image)
    if maximum == 255 and image.mode not in ("1", "L", "LA"):
        return _decode_colours(image, profile=profile, notes=notes)
    if image.mode in ("1", "L") and image.has_transparency_data:
        image = image.convert("LA")
    samples, alpha = np.asarray(image), None
    if image.mode == "LA":
        samples, alpha = samples[..., 0], samples[..., 1:] / np.float32(255)
    elif maximum > 255 and isinstance(transparent_sample, int):
        # Pillow gives no alpha to greys of more than 8 bits.
        alpha = (samples != transparent_sample).astype(np.float32)[..., None]
    check_samples(samples, maximum=maximum, name=name, argument=argument)
    scale = 255 if samples.dtype == bool else 255 / maximum
    levels = samples.astype(np.float32)
    if scale != 1:
        levels *= np.float32(scale)
    if low_is_white:
        levels = 255 - levels
    return Decoded(_grey_to_srgb(levels, profile, notes)[..., None], alpha, tuple(notes))


def _decode_colours(image: Image.Image, *, profile: bytes | None, notes: list[str]) -> Decoded:
    """Decodes a picture of 8 bits that is not grey."""
    if image.mode not in ("CMYK", "LAB"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode == "CMYK" and profile is None:
        notes.append(NO_INK_PROFILE)
    alpha = None
    if image.mode == "RGBA":
        alpha = np.asarray(image.getchannel("A"), np.float32)[..., None] / 255
        image = image.convert("RGB")
    if profile is not None:
        try:
            image = profiles.colours_to_srgb(image, profile)
        except profiles.UNUSABLE as error:
            notes.append(unusable(error))
    return Decoded(np.asarray(image.convert("RGB"), np.float32), alpha, tuple(notes))


def _grey_to_srgb(levels: np.ndarray, profile: bytes | None, notes: list[str]) -> np.ndarray:
    if profile is None:
        return levels
    try:
        curve = profiles.grey_curve(profile)
    except profiles.UNUSABLE as error:
        notes.append(unusable(error))
        return levels
    if curve is None:
        return levels
    return np.interp(levels, np.arange(len(curve)) / 257, curve).astype(np.float32)


# Pictures with more bits than Pillow gives.


def _decode_deep(image: Image.Image, source: Readable, *, notes: list[str]) -> Decoded:
    """Decodes a picture of colours of 16 bits."""
    profile = usable_profile(image, notes)
    mode = "CMYK" if image.mode == "CMYK" else "RGB"
    key = image.info.get("transparency")
    # Pillow turns TIFF files upright itself.
    orientation = 1 if image.format == "TIFF" else orientation_of(image)
    samples = deep_samples.read(lambda: opening.open_image(source))
    alpha = None
    if image.mode == "RGBA":
        alpha = samples[..., 3:] / np.float32(65535)
    elif isinstance(key, tuple):
        alpha = (samples[..., :3] != key).any(axis=-1, keepdims=True).astype(np.float32)
    samples = samples[..., : 4 if mode == "CMYK" else 3]
    space = usable_space(mode, profile, notes)
    levels = _to_levels(samples, space, white=65535)
    return _upright(levels, alpha, orientation, notes)


def _decode_page(page: tiff_files.Page, *, name: str, argument: str) -> Decoded:
    """Decodes a page of a TIFF file that Pillow does not read."""
    samples, alpha = page.samples, None
    if page.has_alpha:
        alpha = samples[..., -1:].astype(np.float32) / np.float32(page.white)
        samples = samples[..., :-1]
    check_samples(samples, maximum=page.white, name=name, argument=argument)
    notes: list[str] = []
    if page.frames > 1:
        notes.append(further_frames(page.frames))
    space = usable_space(page.mode, page.profile, notes)
    levels = _to_levels(samples, space, white=page.white, low_is_white=page.low_is_white)
    return _upright(levels, alpha, page.orientation, notes)


def _to_levels(
    samples: np.ndarray, space: ColourSpace, *, white: float, low_is_white: bool = False
) -> np.ndarray:
    """Returns levels [H, W, 3], computed in bands because conversions need much memory."""
    levels = np.empty((*samples.shape[:2], 3), np.float32)
    rows = max(1, _BAND_PIXELS // samples.shape[1])
    for top in range(0, len(samples), rows):
        band = samples[top : top + rows] / np.float64(white)
        band = 1 - band if low_is_white else band
        levels[top : top + rows] = 255 * space.to_srgb(band)
    return levels


def _upright(
    levels: np.ndarray, alpha: np.ndarray | None, orientation: int, notes: Sequence[str]
) -> Decoded:
    levels = np.ascontiguousarray(upright(levels, orientation))
    if alpha is not None:
        alpha = np.ascontiguousarray(upright(alpha, orientation))
    return Decoded(levels, alpha, tuple(notes))


# Properties of a file.


def usable_profile(image: Image.Image, notes: list[str]) -> bytes | None:
    """Returns the profile of an opened picture; a profile that cannot be used adds a note."""
    try:
        return profiles.profile_of(image)
    except profiles.UNUSABLE as error:
        notes.append(unusable(error))
    return None


def usable_space(mode: str, profile: bytes | None, notes: list[str]) -> ColourSpace:
    """Returns the colour space of samples; a profile that cannot be used adds a note.

    Args:
        mode: 'L', 'RGB', 'CMYK' or 'LAB'.
        profile: ICC profile; None for sRGB.
        notes: Lines of text for the user, to which a line may be added.
    """
    if mode == "CMYK" and profile is None:
        notes.append(NO_INK_PROFILE)
    try:
        return colour_space(mode, profile)
    except profiles.UNUSABLE as error:
        notes.append(unusable(error))
    if mode == "L":
        return Grey()
    return Inks() if mode == "CMYK" else Standard()


def check_samples(samples: np.ndarray, *, maximum: float, name: str, argument: str) -> None:
    """Checks that samples lie in [0, maximum].

    Raises:
        InputError: a sample is out of range, or NaN.
    """
    low, high = samples.min(), samples.max()
    # NaN fails this comparison.
    if not (low >= 0 and high <= maximum):
        raise InputError(
            argument,
            f"must have samples in [0, {maximum:g}]",
            remedy="Rescale the image, or save it with 8 or 16 bits",
            path=name,
            low=float(low),
            high=float(high),
        )


def sample_scale(image: Image.Image) -> tuple[int, bool]:
    """Returns the largest sample, and whether 0 is white, which Pillow undoes for 8 bits."""
    tags = getattr(image, "tag_v2", {})
    low_is_white = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if image.mode == "F":
        return 1, low_is_white
    if image.mode == "I":
        return 65535, low_is_white
    if not image.mode.startswith("I;16"):
        return 255, False
    if image.format != "TIFF":
        return 65535, False
    return 2 ** tags.get(_BITS_PER_SAMPLE, (16,))[0] - 1, low_is_white


# Notes.


def frame_notes(image: Image.Image) -> list[str]:
    """Returns a note if the file holds several frames or pages."""
    if image.format == "MPO":  # The other pictures are previews and depth maps.
        return []
    try:
        if image.tell():  # A frame that the user chose.
            return []
        count = getattr(image, "n_frames", 1)
        image.seek(0)
    except Exception:  # A later frame is damaged.
        return ["Only the first frame is read; a later one is damaged"]
    return [] if count == 1 else [further_frames(count)]


def further_frames(count: int) -> str:
    """Returns the note that only the first of several frames of a file is read."""
    return f"Only the first of {count} frames or pages is read; save the others as files"


def unusable(error: Exception) -> str:
    """Returns the note of a colour profile that cannot be used."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"The colour profile cannot be used ({reason}), so the samples are read as sRGB"
