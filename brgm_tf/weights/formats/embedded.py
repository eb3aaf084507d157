"""Storages inside of a pickle, which are whole PyTorch files in its bytes: of either format."""

from __future__ import annotations

from brgm_tf.weights.formats import arrays, legacy
from brgm_tf.weights.formats.archive import SIGNATURES, Archive
from brgm_tf.weights.formats.zipped import Saved


def _load_from_bytes(machine, data):
    """_load_from_bytes(a file), as torch pickles a storage outside of its own files."""
    file = memoryview(arrays.as_bytes(machine, data))
    # No file may be in one that is inside: their depth has no other bound.
    if bytes(file[:4]) not in SIGNATURES:
        return legacy.read(file, limits=machine.limits)
    saved = Saved(Archive(file), limits=machine.limits, calls=legacy.PLAIN_CALLS)
    return NotImplemented if saved.is_script else saved.read("data")


# What a pickle may call.
CALLS = {**legacy.PLAIN_CALLS, ("torch.storage", "_load_from_bytes"): _load_from_bytes}
