"""Image files named by a path, a folder, a glob pattern or an example handle."""

from __future__ import annotations

import collections
import glob
import os
import re
from collections.abc import Callable, Iterable, Sequence
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
    (".heic", ".heif", ".hif"),
    (".qoi",),
)
SUFFIXES = tuple(suffix for suffixes in _SUFFIXES_OF_FORMATS for suffix in suffixes)
EXAMPLE_PREFIX = "example:"
Recogniser = Callable[[Path], bool]

_SHARD = re.compile(r"-\d+-of-\d+$")
EXAMPLES = Path(__file__).parents[1] / "examples"
# Every folder of results has one of these files. The first one is the last to be written.
_RESULTS = ("metrics.json", "latents.npz")


def find_images(
    spec: str | os.PathLike,
    *,
    argument: str = "input",
    suffixes: Sequence[str] = SUFFIXES,
    recognise: Recogniser | None = None,
    output_dir: str | os.PathLike | None = None,
) -> list[Path]:
    """Returns the image files that a file, folder, glob pattern or handle names.

    Args:
        spec: Path of a file with any suffix; a folder, whose files with an image suffix are
            taken; a glob pattern, in which '**' recurses; or 'example:NAME', a picture that is
            installed with the package. Hidden files and subfolders are left out.
        argument: Name of the user's argument, for errors.
        suffixes: Suffixes of the files that a folder or pattern gives.
        recognise: Function that tells whether a file with another suffix is taken as well.
        output_dir: Folder of the results, which a pattern leaves out. If it is the folder of the
            pattern itself, the pattern leaves out the results in it.

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
        files = _visible_files(_list_folder(path, argument=argument))
        images = [file for file in files if _is_taken(file, suffixes, recognise)]
        if not images:
            raise _no_images_error(text, suffixes, argument=argument)
        return images
    files = _files_of_pattern(path, output_dir)
    images = [file for file in files if _is_taken(file, suffixes, recognise)]
    if not images:
        raise not_found_error(text, argument=argument)
    return images


def count_left_out(
    spec: str | os.PathLike,
    *,
    suffixes: Sequence[str] = SUFFIXES,
    recognise: Recogniser | None = None,
    output_dir: str | os.PathLike | None = None,
) -> collections.Counter[str]:
    """Returns how many files `find_images` leaves out by their suffixes, by suffix.

    Args:
        spec, suffixes, recognise, output_dir: see `find_images`.
    """
    path = expand_user(spec)
    if os.fspath(spec).startswith(EXAMPLE_PREFIX) or os.path.isfile(path):
        return collections.Counter()
    if os.path.isdir(path):
        files = _visible_files(_list_folder(path, argument="input"))
    else:
        files = _files_of_pattern(path, output_dir)
    others = [file for file in files if not _is_taken(file, suffixes, recognise)]
    return collections.Counter(file.suffix.lower() for file in others)


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
    examples = {path.stem: path for path in sorted(EXAMPLES.glob("*.png"))}
    name = text.removeprefix(EXAMPLE_PREFIX)
    if name not in examples:
        raise InputError(
            argument,
            "must name an example picture of the package",
            remedy="Examples: " + ", ".join(EXAMPLE_PREFIX + known for known in examples),
            **{argument: text},
        )
    return examples[name]


def _no_images_error(text: str, suffixes: Sequence[str], *, argument: str) -> InputError:
    return InputError(
        argument,
        "must be a folder with images in it",
        remedy="Suffixes looked for: " + " ".join(suffixes),
        **{argument: text},
    )


def _list_folder(folder: Path, *, argument: str) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(
            argument,
            "must be a folder that can be read",
            **{argument: str(folder), "reason": str(error)},
        ) from None


def _visible_files(paths: Iterable[Path]) -> list[Path]:
    # macOS leaves hidden '._name.png' files that are not images.
    return sorted(path for path in paths if not path.name.startswith(".") and path.is_file())


def _files_of_pattern(pattern: Path, output_dir: str | os.PathLike | None) -> list[Path]:
    files = _visible_files(map(Path, glob.glob(str(pattern), recursive=True)))
    if output_dir is None:
        return files
    return leave_out_results(files, output_dir, pattern=str(pattern))


def _is_taken(path: Path, suffixes: Sequence[str], recognise: Recogniser | None) -> bool:
    if strip_shard(path).endswith(tuple(suffixes)):
        return True
    return recognise is not None and recognise(path)


def leave_out_results(
    paths: Iterable[Path], output_dir: str | os.PathLike, *, pattern: str
) -> list[Path]:
    """Returns the paths that are not results of a run.

    Args:
        paths: Paths that a pattern gives.
        output_dir: Folder of the results.
        pattern: The pattern.
    """
    output = os.path.abspath(expand_user(output_dir))
    fixed = pattern[: re.search(r"[*?[]|$", pattern).start()]  # type: ignore[union-attr]
    is_below = _is_inside(output, os.path.abspath(os.path.dirname(fixed)))
    is_result: dict[str, bool] = {}
    inputs = []
    for path in paths:
        absolute = os.path.abspath(path)
        if _is_inside(absolute, output):
            first = os.path.relpath(absolute, output).split(os.sep)[0]
            home = os.path.join(output, first)
            if home not in is_result:
                files = (os.path.join(home, name) for name in _RESULTS)
                is_result[home] = any(map(os.path.exists, files))
            if is_below or is_result[home]:
                continue
        inputs.append(path)
    return inputs


def _is_inside(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


def not_found_error(text: str, *, argument: str) -> InputError:
    """Returns the error for a path that leads to no image."""
    return InputError(
        argument,
        "must be an image file, a folder of images or a glob pattern that matches some",
        remedy="Nothing was found; check the path",
        **{argument: text},
    )
