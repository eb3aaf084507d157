"""The cache of compiled programs, for later processes with the same programs.

Compiling takes as long as many steps of a small generator. TensorFlow can cache XLA's programs in a
folder, but it fails if a file in the folder is damaged or the disk is full. This module checks
the folder first. TensorFlow is not imported here.
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
    """Lets XLA read its programs from the cache, and write new ones there.

    Call it before TensorFlow compiles a program. It does nothing if TF_XLA_FLAGS is set, if the
    disk is nearly full, or on systems other than Linux.

    Returns:
        The folder of the programs, or None.
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
    """Removes files that may be damaged, and the oldest files if all are too large.

    Args:
        folder: folder of the files, at any depth.
        newer_than: seconds since 1970. Older files were written before the machine started, and
            a crash may have lost their contents.
        most_bytes: largest size of all files together.
    """
    files = [(path.stat(), path) for path in folder.rglob("*") if path.is_file()]
    size = 0
    for stat, path in sorted(files, key=lambda item: item[0].st_mtime, reverse=True):
        size += stat.st_size
        if stat.st_mtime < newer_than or size > most_bytes:
            path.unlink(missing_ok=True)


def _booted() -> float:
    """Returns the time when the machine was started, in seconds since 1970."""
    return time.time() - float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])


def _kind() -> str:
    """Returns a name for the versions, settings and processor that programs depend on."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    features = next((line for line in cpu.splitlines() if line.startswith(("flags", "Feat"))), "")
    parts = [
        importlib.metadata.version("tensorflow"),
        platform.machine(),
        features,
        os.environ.get("XLA_FLAGS", ""),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
