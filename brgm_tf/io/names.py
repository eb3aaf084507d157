"""Names of results: the folder of an image beside the files of its run.

A name depends on the path of the image and on the text that the user gave, not on the other
images. It therefore stays the same when images are added to a collection:

- The name has the folders below the fixed part of the input, joined by '__', and the stem. In
  'study/*/scan.png' the fixed part is 'study', and the result of study/A/scan.png is A__scan.
- The suffix is left out if the input fixes it, as a file or '*.jpg' does, and if it is one of
  `PLAIN_SUFFIXES`. A folder may hold p.png and p.jpg: their results are p and p_jpg.
- A name that another path could have as well gets a checksum of the path. So does the name of a
  path outside of the fixed part, and a name that is too long for a folder.
"""

from __future__ import annotations

import collections
import dataclasses
import glob
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from brgm_tf.io.discovery import SUFFIXES

# The usual suffix of each kind of input.
PLAIN_SUFFIXES = (".png", ".nii.gz", ".npy", ".h5", ".tar", ".tfrecord")
JOINT = "__"
_MAX_BYTES = 200  # File systems allow 255 bytes; temporary files have longer names.
# Files that a run writes beside the folders of its images.
_RESERVED = re.compile(
    r"\.*|flags\.cfg|((metrics|failures|manifest)(-\d+-of-\d+)?\.csv)|state(-\d+-of-\d+)?\.npz",
    re.IGNORECASE,
)
_ENDS = tuple(f"_{suffix[1:]}" for suffix in (*SUFFIXES, ".nii", ".dcm", ".hdf5"))


@dataclasses.dataclass(frozen=True)
class NameScheme:
    """Names of the images that one text of the user gives.

    Args:
        folder: Fixed part of the input.
        fixes_suffix: Whether all files of the input have the same suffix.
        is_file: Whether the input is one file.

    Example:
        >>> scheme_of("study/*/scan.png").name_of(Path("study/A/scan.png"))
        'A__scan'
        >>> scheme_of("study/*").name_of(Path("study/p.jpg"))
        'p_jpg'
        >>> scheme_of("study/*.tar").name_of_member(Path("study/a.tar"), Path("x/0.png"))
        'a__x__0'
    """

    folder: Path
    fixes_suffix: bool = False
    is_file: bool = False

    def name_of(self, file: Path, stem: str | None = None) -> str:
        """Returns the name of an image.

        Args:
            file: Path of its file.
            stem: Name of the image within its file, such as a slice; None for the only image.
        """
        suffix = _suffix(file)
        stem = file.name.removesuffix(suffix) if stem is None else stem
        folders, is_inside = self._folders(file)
        name = stem if self.fixes_suffix else _with_suffix(stem, suffix)
        path = PurePath(*folders, file.name) if is_inside else PurePath(os.path.abspath(file))
        is_clear = is_inside and (self.fixes_suffix or not _is_ambiguous(stem, suffix))
        return _joined([*folders, name], path / stem, is_clear=is_clear)

    def name_of_member(self, archive: Path, member: PurePath) -> str:
        """Returns the name of a picture inside an archive.

        Args:
            archive: Path of the archive.
            member: Path of the picture within the archive.
        """
        folders, is_inside = self._folders(archive)
        within = () if self.is_file else (*folders, archive.name.removesuffix(_suffix(archive)))
        suffix = _suffix(member)
        stem = member.name.removesuffix(suffix)
        path = PurePath(*within) if is_inside else PurePath(os.path.abspath(archive))
        is_clear = is_inside and not _is_ambiguous(stem, suffix)
        parts = [*within, *member.parts[:-1], _with_suffix(stem, suffix)]
        return _joined(parts, path / member, is_clear=is_clear)

    def _folders(self, file: Path) -> tuple[tuple[str, ...], bool]:
        """Returns the folders below the fixed part, and whether the file lies there."""
        relative = os.path.relpath(file.parent, self.folder)
        if relative == os.curdir:
            return (), True
        folders = PurePath(relative).parts
        return ((), False) if os.pardir in folders else (folders, True)


def scheme_of(text: str | os.PathLike) -> NameScheme:
    """Returns the scheme of a file, a folder or a pattern.

    Args:
        text: Text of the user, with the home folder in full.
    """
    path = Path(text)
    if os.path.isfile(path):
        return NameScheme(path.parent, fixes_suffix=True, is_file=True)
    if os.path.isdir(path):
        return NameScheme(path)
    parts = path.parts
    first = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    suffix = _suffix(path)
    return NameScheme(Path(*parts[:first]), bool(suffix) and not glob.has_magic(suffix))


def make_unique(names: Sequence[str]) -> list[str]:
    """Returns different names: a name that was there before gets a number.

    Names that differ only by case are equal, as they are in some file systems.

    Example:
        >>> make_unique(["a", "b", "A"])
        ['a', 'b', 'A_2']
    """
    taken: set[str] = set()
    numbers: collections.Counter[str] = collections.Counter()
    unique = []
    for base in names:
        name = base
        while name.casefold() in taken:
            # Numbers go on from the last one, because thousands of names may be equal.
            numbers[base.casefold()] += 1
            name = f"{base}_{numbers[base.casefold()] + 1}"
        taken.add(name.casefold())
        unique.append(name)
    return unique


def _suffix(path: PurePath) -> str:
    """Returns the suffix of a path; '.nii.gz' is one."""
    name = path.name
    return name[-7:] if name.lower().endswith(".nii.gz") else path.suffix


def _with_suffix(stem: str, suffix: str) -> str:
    """Returns the name of an image whose suffix the input leaves open."""
    is_plain = suffix.lower() in ("", *PLAIN_SUFFIXES)
    return stem if is_plain else f"{stem}_{suffix[1:]}"


def _is_ambiguous(stem: str, suffix: str) -> bool:
    """Returns whether p_jpg.png, for example, would have the name of p.jpg."""
    return suffix.lower() in PLAIN_SUFFIXES and stem.lower().endswith(_ENDS)


def _joined(parts: Sequence[str], path: PurePath, *, is_clear: bool) -> str:
    """Returns a name that a folder beside the files of the run can have.

    Args:
        parts: Folders and name of the image.
        path: Path of the image, whose checksum distinguishes unclear names.
        is_clear: Whether no other path has the same parts.
    """
    text = JOINT.join(parts)
    # Python lists bytes that are not UTF-8 as surrogates, which no text file can hold.
    name = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    is_clear = is_clear and name == text
    is_clear = is_clear and not any(JOINT in part or "\\" in part for part in parts)
    name = name.replace("\\", "_")
    encoded = os.fsencode(name)
    if len(encoded) > _MAX_BYTES:
        name, is_clear = encoded[:_MAX_BYTES].decode("utf-8", "ignore"), False
    if is_clear and not _RESERVED.fullmatch(name):
        return name
    return f"{name}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
