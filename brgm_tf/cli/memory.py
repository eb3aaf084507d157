"""Memory that a step frees is kept for the next one, which would else wait for the system.

By itself, the C library of GNU/Linux returns large blocks to the system as soon as they are freed,
and gets them anew, page by page and full of zeros, at every step. TensorFlow is not imported here.
"""

from __future__ import annotations

import ctypes
import os

# Of mallopt(3), in malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_SETTINGS = "MALLOC_"  # how its environment variables begin


def keep_freed() -> bool:
    """Has the process keep the memory that it frees, from now on.

    To be called before TensorFlow starts its threads. The process then stays as large as it has
    ever been; `release` returns what is free. Nothing is done where the user has chosen by one
    of the variables MALLOC_..., or where the C library is another one.

    Returns:
        Whether the settings were made.
    """
    library = _glibc()
    if library is None or any(name.startswith(_SETTINGS) for name in os.environ):
        return False
    # One arena: others than the main one cannot hold large blocks, which would be mapped again.
    settings = {_M_ARENA_MAX: 1, _M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1}
    return all([library.mallopt(name, value) for name, value in settings.items()])


def release() -> None:
    """Returns what is kept and not used to the system, where the C library can."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # no dlopen of the process itself, as on Windows
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None
