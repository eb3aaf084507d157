"""Image files by name: what a path, folder, glob or example handle stands for."""

from __future__ import annotations

import collections
import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path

from brgm_tf.core.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".bmp")
EXAMPLE_PREFIX = "example:"

_SHARD = re.compile(r"-\d+-of-\d+$")
_EXAMPLES = Path(__file__).parents[1] / "examples"
# Names that a run's folder has for something else.
_RESERVED = (".", "..", "flags.cfg", "metrics.csv")


def find_images(
    spec: str | os.PathLike, *, argument: str = "input", suffixes: Sequence[str] = SUFFIXES
) -> list[Path]:
    """Returns the image files that a file, folder, glob pattern or handle names.

    Args:
        spec: a file (of any name); a folder (its files with an image suffix, not
            recursive, hidden ones left out); a glob pattern (likewise; '**' recurses);
            or 'example:NAME', a picture that comes with the package.
        argument: name of the user's argument, for errors.
        suffixes: of the files of a folder or pattern.

    Returns:
        The paths; those of a folder or pattern sorted by name.

    Raises:
        InputError: nothing is there, or nothing that is an image by its suffix.
    """
    text = os.fspath(spec)
    if text.startswith(EXAMPLE_PREFIX):
        return [_example(text, argument=argument)]
    path = expanded(text)
    if not text.strip() or "\0" in text:
        raise not_found(text, argument=argument)
    # os.path answers False where Path raises, as for a name that is too long.
    if os.path.isfile(path):
        return [path]
    if os.path.isdir(path):
        found = _images_among(_listed(path, argument=argument), suffixes)
        if not found:
            raise InputError(
                argument,
                "must be a folder with images in it",
                remedy="Suffixes looked for: " + " ".join(suffixes),
                **{argument: text},
            )
        return found
    found = _images_among((Path(name) for name in glob.glob(str(path), recursive=True)), suffixes)
    if not found:
        raise not_found(text, argument=argument)
    return found


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Returns one output name per path: its stem, or stem_suffix where stems collide.

    Names that differ only by case collide too, as they do in some file systems; what
    still collides (the same file name in two folders) is numbered. So is a stem that
    cannot be the name of a folder beside the run's own files.

    Args:
        paths: the input files; of an array the name that it would like.

    Returns:
        As many names, all different, in the same order.
    """
    # A backslash parts folders elsewhere.
    stems = [path.stem.replace("\\", "_") for path in paths]
    count = collections.Counter(stem.casefold() for stem in stems)
    taken = set(_RESERVED)
    names = []
    for path, stem in zip(paths, stems, strict=True):
        alone = count[stem.casefold()] == 1 or not path.suffix
        base = stem if alone else f"{stem}_{path.suffix.lstrip('.')}"
        name, number = base, 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def expanded(spec: str | os.PathLike) -> Path:
    """The path with '~' replaced by the user's home."""
    return Path(os.path.expanduser(spec))


def unsharded(path: Path) -> str:
    """A file's name in small letters, without a shard's number, as in x.tfrecord-00000-of-00010."""
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


def _listed(folder: Path, *, argument: str) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(
            argument,
            "must be a folder that can be read",
            **{argument: str(folder), "reason": str(error)},
        ) from None


def _images_among(paths, suffixes: Sequence[str]) -> list[Path]:
    # macOS leaves hidden '._name.png' files that are no images.
    suffixes = tuple(suffixes)
    chosen = [p for p in paths if unsharded(p).endswith(suffixes) and not p.name.startswith(".")]
    return sorted(path for path in chosen if path.is_file())


def not_found(text: str, *, argument: str) -> InputError:
    """The error for a path that leads to no image."""
    return InputError(
        argument,
        "must be an image file, a folder of images or a glob pattern that matches some",
        remedy="Nothing was found; check the path",
        **{argument: text},
    )
