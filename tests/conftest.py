"""Settings of all tests: XLA compiles fast, and compiled programs are freed after each module.

The tests compile hundreds of small programs and run each program a few times. Their results do not
depend on the optimisation level, so the lowest level saves two thirds of the compilation time. To
run the tests with the settings of users: XLA_FLAGS= make test.
"""

import ctypes
import gc
import os
import sys
from pathlib import Path

import pytest

# Helper modules, which the tests import. Their doctests are not collected.
collect_ignore = ["helpers"]

os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("TF_XLA_FLAGS", "")  # no programs cached by earlier runs
# The C library's default, because a process that compiles hundreds of programs keeps gigabytes.
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "131072")


@pytest.fixture(autouse=True)
def _graph_optimisation():
    """Enables TensorFlow's graph optimisation again, because a command disables it."""
    yield
    if "tensorflow" in sys.modules:
        options = {"disable_meta_optimizer": False}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)


_GROWTH = 500e6  # bytes
_after_collection = 0


def _resident():
    """Returns the resident memory of this process in bytes, or 0 on systems other than Linux."""
    statistics = Path("/proc/self/statm")
    if not statistics.exists():
        return 0
    return int(statistics.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True, scope="module")
def _garbage_collection():
    """Collects garbage, because a graph and its program refer to each other."""
    yield
    global _after_collection
    if _resident() > _after_collection + _GROWTH:
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
        _after_collection = _resident()
