"""What holds for every test: XLA compiles fast.

The tests compile hundreds of small programs and run each of them a few times. What they check does
not depend on how well the programs are optimised, and so they compile in a third of the time. To
run them as users do: XLA_FLAGS= make test.
"""

import ctypes
import gc
import os
import sys
from pathlib import Path

import pytest

# Modules for the tests; their examples are not tests.
collect_ignore = ["helpers"]

os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("TF_XLA_FLAGS", "")  # no programs of an earlier day
# The C library's default: a process that compiles hundreds of programs would keep gigabytes.
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "131072")


@pytest.fixture(autouse=True)
def _graphs_are_rewritten():
    """Commands turn TensorFlow's rewriting of graphs off, which would change later bits."""
    yield
    if "tensorflow" in sys.modules:
        options = {"disable_meta_optimizer": False}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)


_GROWTH = 500e6  # bytes
_after_collection = 0


def _resident():
    """Returns the memory of this process in bytes; 0 on systems other than Linux."""
    statistics = Path("/proc/self/statm")
    if not statistics.exists():
        return 0
    return int(statistics.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True, scope="module")
def _programs_of_earlier_modules_are_freed():
    """A graph and its program refer to each other, so only the garbage collector frees them."""
    yield
    global _after_collection
    if _resident() > _after_collection + _GROWTH:
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
        _after_collection = _resident()
