"""Image files <-> float32 NHWC arrays in [-1, 1], and mask files; nothing else knows uint8.

A "level" is a grey level: a number in [0, 255], not necessarily an integer. Level v is
v / 127.5 - 1 in an image. Files are decoded to float levels and stay floats, so that
16-bit greys, transparency, luma and resizing suffer no rounding to 8 bits.

Pillow decodes 16-bit RGB (and 16-bit files with alpha) to the high byte of each sample;
the error is less than one grey level and without bias. 16-bit greys keep all their bits.
Colour profiles are ignored: samples are taken to be sRGB.
"""

from __future__ import annotations

import collections
import glob
import os
import secrets
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from brgm_tf.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".bmp")
EXAMPLE_PREFIX = "example:"

# Only these decoders run: others (EPS) start programs, and a name proves nothing.
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
_EXAMPLES = Path(__file__).parent / "examples"
# ITU-R BT.601.
_LUMA_RED, _LUMA_BLUE = np.float32(0.299), np.float32(0.114)
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0


# Finding files.


def find_images(spec: str | os.PathLike, *, argument: str = "input") -> list[Path]:
    """Returns the image files that a file, folder, glob pattern or handle names.

    Args:
        spec: a file (of any name); a folder (its files with an image suffix, not
            recursive, hidden ones left out); a glob pattern (likewise; '**' recurses);
            or 'example:NAME', a picture that comes with the package.
        argument: name of the user's argument, for errors.

    Returns:
        The paths; those of a folder or pattern sorted by name.

    Raises:
        InputError: nothing is there, or nothing that is an image by its suffix.
    """
    text = os.fspath(spec)
    if text.startswith(EXAMPLE_PREFIX):
        return [_example(text, argument=argument)]
    path = _expanded(text)
    if not text.strip() or "\0" in text:
        raise _not_found(text, argument=argument)
    # os.path answers False where Path raises, as for a name that is too long.
    if os.path.isfile(path):
        return [path]
    if os.path.isdir(path):
        found = _images_among(_listed(path, argument=argument))
        if not found:
            raise InputError(
                argument,
                "must be a folder with images in it",
                remedy="Suffixes looked for: " + " ".join(SUFFIXES),
                **{argument: text},
            )
        return found
    found = _images_among(Path(name) for name in glob.glob(str(path), recursive=True))
    if not found:
        raise _not_found(text, argument=argument)
    return found


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Returns one output name per path: its stem, or stem_suffix where stems collide.

    Names that differ only by case collide too, as they do in some file systems; what
    still collides (the same file name in two folders) is numbered.

    Args:
        paths: the input files.

    Returns:
        As many names, all different, in the same order.
    """
    stems = collections.Counter(path.stem.casefold() for path in paths)
    taken: set[str] = set()
    names = []
    for path in paths:
        alone = stems[path.stem.casefold()] == 1
        base = path.stem if alone else f"{path.stem}_{path.suffix.lstrip('.')}"
        name, number = base, 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


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
    if len(found) == 1 and not os.path.isdir(_expanded(spec)):
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


def _expanded(spec: str | os.PathLike) -> Path:
    return Path(os.path.expanduser(spec))


def _example(text: str, *, argument: str) -> Path:
    examples = {path.stem: path for path in sorted(_EXAMPLES.glob("*.png"))}
    name = text.removeprefix(EXAMPLE_PREFIX)
    if name not in examples:
        raise InputError(
            argument,
            "must name an example picture of the package",
            remedy="Examples: " + ", ".join(EXAMPLE_PREFIX + known for known in examples),
            **{argument: text},
        )
    return examples[name]


def _listed(folder: Path, *, argument: str) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(
            argument,
            "must be a folder that can be read",
            **{argument: str(folder), "reason": str(error)},
        ) from None


def _images_among(paths) -> list[Path]:
    # macOS leaves hidden '._name.png' files that are no images.
    chosen = [p for p in paths if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    return sorted(path for path in chosen if path.is_file())


def _not_found(text: str, *, argument: str) -> InputError:
    return InputError(
        argument,
        "must be an image file, a folder of images or a glob pattern that matches some",
        remedy="Nothing was found; check the path",
        **{argument: text},
    )


# Reading.


def image_size(path: str | os.PathLike, *, argument: str = "input") -> tuple[int, int]:
    """Returns (width, height) in pixels, as displayed, from the file's header.

    A cheap check before heavy work: pixels are decoded only where a PNG may hold its
    orientation behind them. A truncated file may thus pass here; `load_image` finds it.

    Args:
        path: the image file.
        argument: name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, no image, or too large to be decoded safely.
    """
    return _guarded(_displayed_size, path, argument=argument)


def load_image(path: str | os.PathLike, *, channels: int, argument: str = "input") -> np.ndarray:
    """Reads a PNG, JPEG, WebP, TIFF, GIF or BMP file as float32 [H, W, channels] in [-1, 1].

    grey = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); grey becomes RGB by repetition.
    Transparent pixels are composited on white. The EXIF orientation is applied; of an
    animation or a stack the first frame is read. Grey samples of 9 to 16 bits are divided
    by their maximum; 32-bit integers must lie in [0, 65535] and are divided by 65535;
    float samples must lie in [0, 1]. 16-bit RGB is read to 8 bits (see the module).

    Args:
        path: the image file.
        channels: 1 or 3.
        argument: name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, no image, truncated, too large to be decoded
            safely, or its samples are out of range.
    """
    return _to_signed(_load_levels(path, channels=channels, argument=argument))


def _load_levels(path, *, channels: int, argument: str) -> np.ndarray:
    if channels not in (1, 3):
        raise InputError("channels", "must be 1 or 3", channels=channels)
    samples, maximum, low_is_white = _guarded(_decode, path, argument=argument)
    low, high = samples.min(), samples.max()
    # Written so that NaN is refused too.
    if not (low >= 0 and high <= maximum):
        raise InputError(
            argument,
            f"must have samples in [0, {maximum}]",
            remedy="Rescale the image, or save it with 8 or 16 bits",
            path=str(path),
            low=float(low),
            high=float(high),
        )
    levels = samples.astype(np.float32)
    if maximum != 255:
        levels *= np.float32(255 / maximum)
    if low_is_white:
        levels = 255 - levels
    return _with_channels(_on_white(levels), channels=channels)


def _on_white(levels: np.ndarray) -> np.ndarray:
    """Composites [H, W] or [H, W, 1 to 4] levels on white and returns [H, W, 1 or 3]."""
    if levels.ndim == 2:
        return levels[..., None]
    if levels.shape[-1] in (1, 3):
        return levels
    colour, alpha = levels[..., :-1], levels[..., -1:] / 255
    return colour * alpha + 255 * (1 - alpha)


def _with_channels(levels: np.ndarray, *, channels: int) -> np.ndarray:
    if levels.shape[-1] == channels:
        return levels
    if channels == 3:
        return np.repeat(levels, 3, axis=-1)
    red, green, blue = np.moveaxis(levels, -1, 0)
    # Differences to green, so that equal channels give exactly that grey.
    return (green + _LUMA_RED * (red - green) + _LUMA_BLUE * (blue - green))[..., None]


def _guarded(read, path, *, argument: str):
    """Returns read(image) of the opened file; whatever goes wrong is one `InputError`."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata, which does not matter here.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Opened here and not by Pillow, which maps a named file into memory and then
            # garbles uncompressed TIFFs of orientation 5 to 8 (seen in Pillow 13.0).
            with open(path, "rb") as file, Image.open(file, formats=_FORMATS) as image:
                return read(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(
            argument,
            f"must have at most {Image.MAX_IMAGE_PIXELS} pixels",
            remedy="Make the image smaller",
            path=str(path),
        ) from None
    except FileNotFoundError:
        raise _not_found(str(path), argument=argument) from None
    except Exception as error:
        # On damaged files the decoders raise SyntaxError, struct.error, KeyError and more.
        raise InputError(
            argument,
            "must be an image file that can be read",
            remedy="Give a complete PNG, JPEG, WebP, TIFF, GIF or BMP file",
            path=str(path),
            reason=str(error) or type(error).__name__,
        ) from None


def _displayed_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # For a TIFF, Pillow has swapped the sides already.
    turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def _decode(image: Image.Image) -> tuple[np.ndarray, int, bool]:
    """Returns the samples, the sample that is white (or black: then True), upright."""
    maximum, low_is_white = _sample_scale(image)
    image = ImageOps.exif_transpose(image)
    # Greys of more than 8 bits have no alpha in Pillow, and LA needs no colours.
    if maximum == 255 and image.mode != "LA":
        image = image.convert("RGBA" if image.has_transparency_data else _opaque_mode(image))
    return np.asarray(image), maximum, low_is_white


def _opaque_mode(image: Image.Image) -> str:
    return "L" if image.mode in ("1", "L") else "RGB"


def _sample_scale(image: Image.Image) -> tuple[int, bool]:
    """Returns the largest sample, and whether 0 is white (which Pillow undoes for 8 bits)."""
    if image.mode == "F":
        return 1, False
    if image.mode == "I":
        return 65535, False
    if not image.mode.startswith("I;16"):
        return 255, False
    if image.format != "TIFF":
        return 65535, False
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0]
    return 2**bits - 1, image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


# Geometry.


def fit(
    image: np.ndarray, *, resolution: int, how: str = "crop", argument: str = "input"
) -> np.ndarray:
    """Brings an image to the generator's square resolution.

    A non-square image is cropped to its central square. Shrinking takes area (box)
    means; enlarging is Lanczos, clipped to [-1, 1]. All in floats.

    Args:
        image: float32 [H, W, C] in [-1, 1].
        resolution: side of the result in pixels.
        how: 'crop', or 'refuse' to raise for an image that is not square.
        argument: name of the user's argument, for errors.

    Returns:
        float32 [resolution, resolution, C] in [-1, 1].

    Raises:
        InputError: the image is not square and `how` is 'refuse'.
    """
    if how not in ("crop", "refuse"):
        raise InputError("how", "must be 'crop' or 'refuse'", how=how)
    height, width = image.shape[:2]
    if how == "refuse" and height != width:
        raise InputError(
            argument,
            "must be a square image",
            remedy="Crop it to a square, or allow the central square to be taken",
            width=width,
            height=height,
        )
    square = _central_square(np.asarray(image, np.float32))
    if len(square) == resolution:
        return square.copy()
    method = Image.Resampling.BOX if len(square) > resolution else Image.Resampling.LANCZOS
    planes = [
        # Mode F: the 8-bit modes would round to whole grey levels.
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((resolution,) * 2, method))
        for plane in np.moveaxis(square, -1, 0)
    ]
    return np.clip(np.stack(planes, axis=-1), -1, 1)


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
    levels = _load_levels(path, channels=1, argument=argument)
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
    missing = _central_square(levels < 128)
    nearest = (2 * np.arange(resolution) + 1) * len(missing) // (2 * resolution)
    missing = missing[nearest][:, nearest]
    if missing.all():
        raise InputError(
            argument,
            "must leave a part of the image known; black is missing and white is known",
            remedy="Invert the mask if it is the other way round",
            path=str(path),
        )
    return missing


def _central_square(array: np.ndarray) -> np.ndarray:
    height, width = array.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return array[top : top + side, left : left + side]


def _same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    # Sides that were scaled and rounded to whole pixels are off by up to one pixel.
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(other)


# Levels and writing.


def from_uint8(levels: np.ndarray) -> np.ndarray:
    """Returns levels / 127.5 - 1 as float32.

    Args:
        levels: uint8 of any shape.
    """
    return _to_signed(np.asarray(levels, np.float32))


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Returns (image + 1) * 127.5, clipped to [0, 255] and rounded half to even, as uint8.

    It undoes `from_uint8` exactly.

    Args:
        image: floats of any shape, in [-1, 1]; others are clipped.

    Raises:
        InputError: a value is NaN.
    """
    image = np.asarray(image, np.float32)
    if np.isnan(image).any():
        raise InputError("image", "must hold numbers", nan=int(np.isnan(image).sum()))
    return np.rint((np.clip(image, -1, 1) + np.float32(1)) * np.float32(127.5)).astype(np.uint8)


def save_image(path: str | os.PathLike, image: np.ndarray, *, argument: str = "output") -> None:
    """Writes an 8-bit PNG, whole or not at all; equal images give equal bytes.

    Args:
        path: the file, with the suffix .png; its folder must exist.
        image: float32 [H, W, 1 or 3] in [-1, 1]; clipped and rounded by `to_uint8`.
        argument: name of the user's argument, for errors.

    Raises:
        InputError: the file cannot be written, or the image has another shape.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(argument, "must be a file with the suffix .png", path=str(path))
    if np.ndim(image) != 3 or np.shape(image)[-1] not in (1, 3) or not np.size(image):
        raise InputError("image", "must be [H, W, 1 or 3]", shape=tuple(np.shape(image)))
    levels = to_uint8(image)
    picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    # In the same folder, for os.replace is atomic only within a file system.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            picture.save(temporary, format="PNG", compress_level=6)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            argument,
            "must be a file that can be written",
            path=str(path),
            reason=str(error),
        ) from None


def _to_signed(levels: np.ndarray) -> np.ndarray:
    return levels / np.float32(127.5) - np.float32(1)
