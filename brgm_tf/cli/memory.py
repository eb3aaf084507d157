"""Keeps the memory that a step frees for the next step.

By default, the C library of GNU/Linux returns large freed blocks to the system. It then gets them
back at every step, page by page and filled with zeros. TensorFlow is not imported here.
"""

from __future__ import annotations

import ctypes
import os

# Parameters of mallopt(3), from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_SETTINGS = "MALLOC_"  # prefix of the environment variables


def keep_freed() -> bool:
    """Lets the process keep the memory that it frees from now on.

    Call it before TensorFlow starts its threads. The process then keeps its largest size;
    `release` returns free memory to the system. It does nothing if the user has set a variable
    MALLOC_..., or with another C library.

    Returns:
        Whether the settings were made.
    """
    library = _glibc()
    if library is None or any(name.startswith(_SETTINGS) for name in os.environ):
        return False
    # One arena: only the main arena can keep large blocks.
    settings = {_M_ARENA_MAX: 1, _M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1}
    return all([library.mallopt(name, value) for name, value in settings.items()])


def release() -> None:
    """Returns kept, free memory to the system, if the C library can."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows cannot load the process itself.
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None
