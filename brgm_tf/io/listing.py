"""The images that the user's inputs hold, with the names of their results, in order.

TensorFlow is not imported here.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import archives, discovery, medical
from brgm_tf.io import kspace as kspace_files
from brgm_tf.io.discovery import EXAMPLE_PREFIX, count_left_out, expand_user, find_images
from brgm_tf.io.kspace import KSpaceArray
from brgm_tf.io.medical import Slicing
from brgm_tf.io.names import NameScheme, scheme_of
from brgm_tf.io.pictures import PictureArray, PictureFile, PictureFrame, PillowImage
from brgm_tf.io.sources import Source
from brgm_tf.io.stacks import list_frames
from brgm_tf.io.unusable import Unusable

SUFFIXES = (*discovery.SUFFIXES, *medical.SUFFIXES, *archives.SUFFIXES)
_SHOWN_SUFFIXES = 5

# A source and the name of its results; None for an image without a name.
Named = tuple[Source, str | None]


@dataclasses.dataclass(frozen=True)
class Listing:
    """How inputs are listed.

    Args:
        kspace: Whether the inputs are k-space. Every slice of a file is one image.
        slicing: Selection of slices of medical volumes. Every slice is one image.
        output_dir: Folder of the results, which are never inputs; None for no folder.
    """

    kspace: bool
    slicing: Slicing
    output_dir: str | Path | None = None


def check_files(text: str | Path, *, kspace: bool) -> None:
    """Checks that a path or pattern of the user leads to files, without reading them.

    Raises:
        InputError: no file is found.
    """
    find_images(text, **_options(Listing(kspace, Slicing())))


def list_sources(inputs: Any, listing: Listing) -> list[Named]:
    """Returns the images of inputs; see `inputs.plan`.

    A file among several that cannot be used is an `Unusable` source.

    Args:
        inputs: Inputs of the user.
        listing: How they are listed.

    Raises:
        InputError: the only input cannot be used.
    """
    if isinstance(inputs, str | Path):
        return _list_files(inputs, listing)
    if isinstance(inputs, Image.Image):
        path = PillowImage(inputs).name
        return [(PillowImage(inputs), None if path is None else scheme_of(path).name_of(path))]
    if hasattr(inputs, "__array__"):
        return [(source, None) for source in _split_array(np.asarray(inputs), listing)]
    if not isinstance(inputs, Sequence) or not len(inputs):
        raise InputError("input", "must be a path, an image, an array or a list of these")
    if len(inputs) == 1:
        return list_sources(inputs[0], listing)
    return [one for each in inputs for one in _list_one_of_several(each, listing)]


def _list_one_of_several(inputs: Any, listing: Listing) -> list[Named]:
    try:
        return list_sources(inputs, listing)
    except InputError as error:
        path = Path(inputs) if isinstance(inputs, str | Path) else None
        return [(Unusable(path, error), None if path is None else scheme_of(path).name_of(path))]


def _list_files(text: str | Path, listing: Listing) -> list[Named]:
    paths = find_images(text, **_options(listing))
    is_example = os.fspath(text).startswith(EXAMPLE_PREFIX)
    scheme = scheme_of(paths[0] if is_example else expand_user(text))
    if len(paths) == 1:
        return _open(paths[0], listing, scheme)
    return [one for path in paths for one in _open_one_of_several(path, listing, scheme)]


def _options(listing: Listing) -> dict[str, Any]:
    """Returns the keywords of `find_images`."""
    if listing.kspace:
        return {"suffixes": kspace_files.SUFFIXES, "output_dir": listing.output_dir}
    # DICOM files often have no suffix, or a part of an identifier in its place.
    recognise = medical.has_dicom_picture
    return {"suffixes": SUFFIXES, "recognise": recognise, "output_dir": listing.output_dir}


def left_out_notes(inputs: Any, listing: Listing) -> list[str]:
    """Returns a line of text for each folder or pattern from which files are left out.

    Args:
        inputs: Inputs of the user.
        listing: How they are listed.
    """
    if isinstance(inputs, list | tuple):
        return [note for each in inputs for note in left_out_notes(each, listing)]
    if not isinstance(inputs, str | Path):
        return []
    counts = count_left_out(inputs, **_options(listing))
    if not counts:
        return []
    total = counts.total()
    files = "1 file is" if total == 1 else f"{total} files are"
    most = counts.most_common(_SHOWN_SUFFIXES)
    shown = [f"{count} {suffix or 'without suffix'}" for suffix, count in most]
    shown += ["others"] if len(counts) > len(most) else []
    return [f"{files} left out of {inputs} because of the suffix: {', '.join(shown)}"]


def _open_one_of_several(path: Path, listing: Listing, scheme: NameScheme) -> list[Named]:
    try:
        return _open(path, listing, scheme)
    except InputError as error:
        return [(Unusable(path, error), scheme.name_of(path))]


def _open(path: Path, listing: Listing, scheme: NameScheme) -> list[Named]:
    """Returns the images that a file holds or lists."""
    if listing.kspace:
        return _named(path, kspace_files.list_slices(path), scheme)
    if archives.is_archive(path):
        return _open_archive(path, listing, scheme)
    if medical.is_medical(path):
        return _named(path, medical.list_slices(path, listing.slicing), scheme)
    frames = list_frames(path)
    if len(frames) == 1:
        return [(PictureFile(path), scheme.name_of(path))]
    return _named(path, [PictureFrame(path, frame) for frame in frames], scheme)


def _named(path: Path, slices: Sequence[Any], scheme: NameScheme) -> list[Named]:
    """Returns slices with their names; a slice that is a whole file has the name of the file."""
    return [
        (one, scheme.name_of(path, stem=None if one.name.name == path.name else one.name.stem))
        for one in slices
    ]


def _open_archive(path: Path, listing: Listing, scheme: NameScheme) -> list[Named]:
    images: list[Named] = []
    entries = archives.list_pictures(path)
    lines = NameScheme(path.parent)
    for entry in entries:
        if not isinstance(entry, Path):
            images.append((entry, scheme.name_of_member(path, entry.name)))
        elif len(entries) == 1:
            images += _open(entry, listing, lines)
        else:
            images += _open_one_of_several(entry, listing, lines)
    return images


def _split_array(values: np.ndarray, listing: Listing) -> list[Source]:
    arrays = list(values) if values.ndim == 4 else [values]
    if not listing.kspace:
        return [PictureArray(array) for array in arrays]
    return [KSpaceArray(kspace_files.check_kspace(array, name="input")) for array in arrays]
