"""Compiled programs, kept for the next process that needs the same ones.

Compiling takes as long as many steps of a small generator. TensorFlow can keep XLA's programs
in a folder, but fails where a file in it is damaged, or there is no room: hence the checks here,
before it starts. TensorFlow is not imported here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shutil
import time
from pathlib import Path

from brgm_tf.core.cache import cache_folder

MOST_BYTES = 2**30
_LEAST_FREE = 2**31


def keep_programs() -> Path | None:
    """Has XLA look for its programs in the cache, and keep new ones there.

    To be called before TensorFlow compiles anything. Nothing is done where TF_XLA_FLAGS is set, on
    systems other than Linux, or where the disk is nearly full.

    Returns:
        The folder; None where nothing was done.
    """
    if "TF_XLA_FLAGS" in os.environ or not os.path.exists("/proc/uptime"):
        return None
    folder = cache_folder() / "programs" / _kind()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < _LEAST_FREE or not os.access(folder, os.W_OK):
            return None
        tidy(folder.parent, newer_than=_booted(), most_bytes=MOST_BYTES)
    except OSError:
        return None
    os.environ["TF_XLA_FLAGS"] = (
        f"--tf_xla_persistent_cache_directory={folder} --tf_xla_persistent_cache_prefix=brgm_tf"
    )
    return folder


def tidy(folder: Path, *, newer_than: float, most_bytes: int) -> None:
    """Removes files that may be damaged, and the oldest ones where all are too large.

    Args:
        folder: whose files, at any depth, are looked at.
        newer_than: seconds since 1970. A file is renamed into its place when it is whole, but if
            the machine went down after that, its contents may have been lost.
        most_bytes: of all files.
    """
    found = [(path.stat(), path) for path in folder.rglob("*") if path.is_file()]
    size = 0
    for stat, path in sorted(found, key=lambda item: item[0].st_mtime, reverse=True):
        size += stat.st_size
        if stat.st_mtime < newer_than or size > most_bytes:
            path.unlink(missing_ok=True)


def _booted() -> float:
    """When the machine was started, in seconds since 1970."""
    return time.time() - float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])


def _kind() -> str:
    """A name for all that programs depend on besides what they compute."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    features = next((line for line in cpu.splitlines() if line.startswith(("flags", "Feat"))), "")
    parts = [
        importlib.metadata.version("tensorflow"),
        platform.machine(),
        features,
        os.environ.get("XLA_FLAGS", ""),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
