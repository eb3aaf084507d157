"""Detection of the kind of a checkpoint, by the contents of the file or folder."""

from __future__ import annotations

import os
import pathlib
import pickle

from brgm_tf.weights.formats import archive, legacy, limits, source, zipped

# Values that `kind` returns.
KINDS = (
    "pickle",
    "torch_zip",
    "torch_legacy",
    "torchscript",
    "zip",
    "npz",
    "hdf5",
    "preset",
    "saved_model",
    "unknown",
)
_HEAD = 64
_HDF5 = b"\x89HDF\r\n\x1a\n"
_LEGACY = pickle.LONG1 + b"\x0a" + legacy.MAGIC.to_bytes(10, "little") + pickle.STOP
# First bytes -> description of the file.
_DESCRIPTIONS = (
    (b"<?xml", "an XML file"),
    (b"<", "an HTML page"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x93NUMPY", "a single NumPy array"),
    (b"\x08\x00\x00\x00TFL3", "a TensorFlow Lite model"),
    (b"\x00\x00\x00\x00TFL3", "a TensorFlow Lite model"),
    (b"{", "a JSON file"),
)


def kind(path: str | os.PathLike, *, argument: str) -> str:
    """Returns the kind of a checkpoint, one of `KINDS`.

    Args:
        path: Path of a file or folder.
        argument: Name of the argument (or flag) that gave the path.

    Returns:
        For files 'pickle', 'torch_zip' and 'torch_legacy' (torch.save since and before
        version 1.6), 'torchscript', 'npz', 'zip' (another archive) or 'hdf5'. For folders
        'preset' (with config.json and model.weights.h5) or 'saved_model' (with
        saved_model.pb). For all others 'unknown'; `describe` gives a description.

    Raises:
        InputError: the file does not exist, cannot be read, or is a truncated archive.
    """
    if os.path.isdir(path):
        return _folder_kind(pathlib.Path(path))
    data = source.view(path, argument=argument)
    head = bytes(data[:_HEAD])
    if head[:4] in archive.SIGNATURES:
        with limits.one_error(argument):
            return _archive_kind(archive.Archive(data))
    if head.startswith(_HDF5):
        return "hdf5"
    if head.startswith(pickle.PROTO):
        return "torch_legacy" if _LEGACY in head else "pickle"
    # Protocols 0 and 1 have no signature. They start with a container or a name.
    if head[:1] in (b"(", b"]", b"}", b"c") and bytes(data[-1:]) == pickle.STOP:
        return "pickle"
    return "unknown"


def describe(path: str | os.PathLike, *, argument: str) -> str:
    """Describes a file of an unknown kind by its first bytes, such as 'an HTML page'.

    Args:
        path: Path of a file or folder.
        argument: Name of the argument (or flag) that gave the path.

    Raises:
        InputError: the file does not exist or cannot be read.
    """
    if os.path.isdir(path):
        return "a folder without config.json and model.weights.h5, or saved_model.pb"
    data = source.view(path, argument=argument)
    head = bytes(data[:_HEAD])
    for start, description in _DESCRIPTIONS:
        if head.lstrip().startswith(start):
            return description
    if bytes(data[257:262]) == b"ustar":
        return "a tar archive"
    if head[8:10] == b'{"':
        return "a safetensors file"
    return f"a file that starts with the bytes {head[:8].hex(' ')}"


def _folder_kind(folder: pathlib.Path) -> str:
    if (folder / "config.json").is_file() and (folder / "model.weights.h5").is_file():
        return "preset"
    return "saved_model" if (folder / "saved_model.pb").is_file() else "unknown"


def _archive_kind(entries: archive.Archive) -> str:
    root = zipped.find_root(entries)
    if root is not None:
        return "torchscript" if f"{root}/constants.pkl" in entries else "torch_zip"
    names = list(entries)
    return "npz" if names and all(name.endswith(".npy") for name in names) else "zip"
