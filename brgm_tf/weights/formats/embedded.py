"""Storages inside a pickle: whole PyTorch files of either format in its bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brgm_tf.weights.formats import arrays, legacy
from brgm_tf.weights.formats.archive import SIGNATURES, Archive
from brgm_tf.weights.formats.zipped import Saved


def _load_from_bytes(machine, data):
    """Makes _load_from_bytes(file), the form of a storage that is pickled without torch.save."""
    file = memoryview(arrays.as_bytes(machine, data))
    # An embedded file may not embed another one: nothing else limits the depth.
    if bytes(file[:4]) not in SIGNATURES:
        return legacy.read(file, limits=machine.limits)
    saved = Saved(Archive(file), limits=machine.limits, calls=legacy.PLAIN_CALLS)
    return NotImplemented if saved.is_script else saved.read("data")


# Functions that a pickle may call.
CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    **legacy.PLAIN_CALLS,
    ("torch.storage", "_load_from_bytes"): _load_from_bytes,
}
