"""What holds for every test: XLA compiles fast.

The tests compile hundreds of small programs and run each of them a few times. What they check does
not depend on how well the programs are optimised, and so they compile in a third of the time. To
run them as users do: XLA_FLAGS= make test.
"""

import os
import sys

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
