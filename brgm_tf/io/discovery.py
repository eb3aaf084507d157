"""Image files named by a path, a folder, a glob pattern or an example handle."""

from __future__ import annotations

import collections
import glob
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from brgm_tf.core.errors import InputError

_SUFFIXES_OF_FORMATS = (
    (".png", ".apng"),
    (".jpg", ".jpeg", ".jpe", ".jfif"),
    (".webp",),
    (".tif", ".tiff"),
    (".gif",),
    (".bmp", ".dib"),
    (".pbm", ".pgm", ".ppm", ".pnm", ".pfm"),
    (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    (".avif",),
    (".qoi",),
)
SUFFIXES = tuple(suffix for suffixes in _SUFFIXES_OF_FORMATS for suffix in suffixes)
EXAMPLE_PREFIX = "example:"

_SHARD = re.compile(r"-\d+-of-\d+$")
_EXAMPLES = Path(__file__).parents[1] / "examples"
# Files that a run writes beside the folders of its images.
_RESERVED = (".", "..", "flags.cfg", "metrics.csv")


def find_images(
    spec: str | os.PathLike, *, argument: str = "input", suffixes: Sequence[str] = SUFFIXES
) -> list[Path]:
    """Returns the image files that a file, folder, glob pattern or handle names.

    Args:
        spec: Path of a file with any suffix; a folder, whose files with an image suffix are
            taken; a glob pattern, in which '**' recurses; or 'example:NAME', a picture that is
            installed with the package. Hidden files and subfolders are left out.
        argument: Name of the user's argument, for errors.
        suffixes: Suffixes of the files that a folder or pattern gives.

    Returns:
        Paths, sorted by name for a folder or pattern.

    Raises:
        InputError: nothing is there, or no file has an image suffix.

    Example:
        >>> [path.name for path in find_images("example:astronaut_32")]
        ['astronaut_32.png']
    """
    text = os.fspath(spec)
    if text.startswith(EXAMPLE_PREFIX):
        return [_example(text, argument=argument)]
    path = expand_user(text)
    if not text.strip() or "\0" in text:
        raise not_found_error(text, argument=argument)
    # os.path answers False where Path raises, as for a name that is too long.
    if os.path.isfile(path):
        return [path]
    if os.path.isdir(path):
        images = _filter_images(_list_folder(path, argument=argument), suffixes)
        if not images:
            raise InputError(
                argument,
                "must be a folder with images in it",
                remedy="Suffixes looked for: " + " ".join(suffixes),
                **{argument: text},
            )
        return images
    images = _filter_images((Path(name) for name in glob.glob(str(path), recursive=True)), suffixes)
    if not images:
        raise not_found_error(text, argument=argument)
    return images


def make_unique_names(paths: Sequence[Path]) -> list[str]:
    """Returns one output name for each path: its stem, or stem_suffix if stems collide.

    Names that differ only by case collide, as they do in some file systems. Names that still
    collide, such as equal file names in two folders, are numbered. A stem that cannot name a
    folder beside the files of the run is numbered as well.

    Args:
        paths: Paths of the inputs.

    Returns:
        Different names in the same order.

    Example:
        >>> make_unique_names([Path("a.png"), Path("b.png"), Path("a.jpg")])
        ['a_png', 'b', 'a_jpg']
    """
    stems = [_printable(path.stem) for path in paths]
    count = collections.Counter(stem.casefold() for stem in stems)
    taken = set(_RESERVED)
    numbers: collections.Counter[str] = collections.Counter()
    names = []
    for path, stem in zip(paths, stems, strict=True):
        is_unique = count[stem.casefold()] == 1 or not path.suffix
        base = stem if is_unique else f"{stem}_{path.suffix.lstrip('.')}"
        name = base
        while name.casefold() in taken:
            # Names are numbered from the last number on, because equal names may be thousands.
            numbers[base.casefold()] += 1
            name = f"{base}_{numbers[base.casefold()] + 1}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _printable(stem: str) -> str:
    """Returns a name without bytes that are not UTF-8, and without separators of folders."""
    # Python lists such bytes as surrogates, which can be neither hashed nor written.
    text = stem.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace("\\", "_")


def expand_user(spec: str | os.PathLike) -> Path:
    """Returns the path with '~' replaced by the user's home."""
    return Path(os.path.expanduser(spec))


def strip_shard(path: Path) -> str:
    """Returns the name of a file in small letters, without the number of a shard.

    Example:
        >>> strip_shard(Path("Faces.tfrecord-00000-of-00010"))
        'faces.tfrecord'
    """
    return _SHARD.sub("", path.name.lower())


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


def _list_folder(folder: Path, *, argument: str) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(
            argument,
            "must be a folder that can be read",
            **{argument: str(folder), "reason": str(error)},
        ) from None


def _filter_images(paths: Iterable[Path], suffixes: Sequence[str]) -> list[Path]:
    # macOS leaves hidden '._name.png' files that are not images.
    suffixes = tuple(suffixes)
    chosen = [p for p in paths if strip_shard(p).endswith(suffixes) and not p.name.startswith(".")]
    return sorted(path for path in chosen if path.is_file())


def not_found_error(text: str, *, argument: str) -> InputError:
    """Returns the error for a path that leads to no image."""
    return InputError(
        argument,
        "must be an image file, a folder of images or a glob pattern that matches some",
        remedy="Nothing was found; check the path",
        **{argument: text},
    )
