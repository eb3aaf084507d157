"""Pages of TIFF stacks and frames of animations. TensorFlow is not imported here."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import opening, tiff_files

# Other files are not opened to plan a run, because a folder may hold very many of them.
_SUFFIXES = (".tif", ".tiff", ".gif", ".apng")
_SUBFILE_TYPE = 254
_PREVIEW_OR_MASK = 1 | 4
# An extended WebP file, and the flag of an animation in it.
_WEBP_HEADER, _WEBP_ANIMATION = b"VP8X", 0x02


def list_frames(path: Path) -> list[int]:
    """Returns the numbers of the frames of a file that are separate pictures.

    Previews and masks among the pages of a TIFF file are left out.

    Args:
        path: Path of the file.

    Returns:
        Numbers from 0; [0] for a single picture and for a file that cannot be read.
    """
    if not _may_have_frames(path):
        return [0]
    try:
        return opening.read(_frames, path, argument="input", otherwise=_pages) or [0]
    except InputError:  # The picture itself reports the error.
        return [0]


def frame_name(stem: str, frame: int) -> str:
    """Returns the name of a frame.

    Args:
        stem: Name of the file without its suffix.
        frame: Number of the frame, from 0; names count from 1.

    Example:
        >>> frame_name("stack", 2)
        'stack_p0003'
    """
    return f"{stem}_p{frame + 1:04d}"


def _may_have_frames(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix != ".webp":
        return suffix in _SUFFIXES
    try:
        with path.open("rb") as file:
            head = file.read(21)
    except OSError:
        return False
    return head[12:16] == _WEBP_HEADER and bool(head[20] & _WEBP_ANIMATION)


def _frames(image: Image.Image) -> list[int]:
    count = getattr(image, "n_frames", 1)
    if count == 1 or image.format != "TIFF":
        return list(range(count))
    frames = []
    for frame in range(count):
        image.seek(frame)
        kind = image.tag_v2.get(_SUBFILE_TYPE, 0)  # type: ignore[attr-defined]
        if not kind & _PREVIEW_OR_MASK:
            frames.append(frame)
    return frames


def _pages(file: BinaryIO) -> list[int]:
    kinds = tiff_files.subfile_types(file)
    return [frame for frame, kind in enumerate(kinds) if not kind & _PREVIEW_OR_MASK]
