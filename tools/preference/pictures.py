"""Pictures of a method in a folder, by the name of the image."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image, ImageOps

from brgm_tf.core.errors import InputError

_RESULTS = ("merged.png", "reconstruction.png")  # of a run's folder, the first that exists
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def find(folder: Path, *, argument: str) -> dict[str, Path]:
    """Returns the pictures of a folder by the name of their image.

    Args:
        folder: Folder of pictures, or of results of `brgm_tf.reconstruct`.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the folder holds no pictures, or two of one name.
    """
    pictures: dict[str, Path] = {}
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        path = _picture_of(entry)
        if path is not None and entry.stem in pictures:
            raise InputError(argument, "must hold one picture of each image", received=str(path))
        if path is not None:
            pictures[entry.stem] = path
    if not pictures:
        raise InputError(argument, "must be a folder of pictures", received=str(folder))
    return pictures


def data_address(path: Path, *, argument: str) -> str:
    """Returns a picture as a data address (`data:image/png;base64,...`), without its metadata.

    Raises:
        InputError: the file is no picture.
    """
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            picture = picture.convert("L" if picture.mode in ("1", "L") else "RGB")
    except (OSError, ValueError):
        raise InputError(argument, "must hold readable pictures", received=str(path)) from None
    file = io.BytesIO()
    Image.frombytes(picture.mode, picture.size, picture.tobytes()).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _picture_of(entry: Path) -> Path | None:
    if entry.is_dir():
        return next((entry / name for name in _RESULTS if (entry / name).is_file()), None)
    return entry if entry.suffix.lower() in _SUFFIXES else None
