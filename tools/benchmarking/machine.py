"""Speed of the machine and memory of the process."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarking.timing import elapsed
from brgm_tf.cli import memory

_MATRIX = 2048
_STATUS = Path("/proc/self/status")


def describe() -> dict[str, object]:
    """Returns the processor, the number of available cores, and versions."""
    import keras
    import tensorflow as tf

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "accelerators": [device.name for device in tf.config.list_physical_devices("GPU")],
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def matrix_programs() -> dict[str, object]:
    """Returns programs by name that measure a matrix product in GFLOP/s.

    TensorFlow and XLA have different products; the faster one is the peak of a step.
    """
    import tensorflow as tf

    from brgm_tf.core.compilation import compiled

    rng = np.random.default_rng(0)
    a, b = (
        tf.constant(rng.standard_normal([_MATRIX, _MATRIX]).astype("float32")) for _ in range(2)
    )
    programs = {}
    for name, jit in (("matrix product", False), ("matrix product, XLA", True)):
        product = compiled(tf.linalg.matmul, jit=jit)
        product(a, b).numpy()

        def rate(product=product):
            return 2e-9 * _MATRIX**3 / elapsed(lambda: product(a, b).numpy())

        programs[name] = rate
    return programs


def forget_peak_memory() -> None:
    """Resets the peak of `peak_memory`, if the system allows it."""
    memory.release()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # elsewhere, the peak covers the whole process
        return


def peak_memory() -> float:
    """Returns the largest resident memory of the process, in GB."""
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024 / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def start_programs() -> dict[str, object]:
    """Returns programs by name that measure a start of Python with an import, in seconds."""
    statements = {
        "python": "pass",
        "brgm_tf.reconstruct, without TensorFlow": "import brgm_tf.reconstruct",
        "tensorflow": "import tensorflow",
    }
    root = str(Path(__file__).resolve().parents[2])

    def run(statement: str):
        command = [sys.executable, "-c", statement]
        subprocess.run(command, check=True, cwd=root, capture_output=True)

    return {
        name: lambda statement=statement: elapsed(lambda: run(statement))
        for name, statement in statements.items()
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()
