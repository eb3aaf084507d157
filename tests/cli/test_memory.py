"""Freed memory is kept for the next step."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Writes a large block twice and prints the number of page faults of each pass.
PROGRAM = """
import resource, threading
from brgm_tf.cli import memory
print(memory.keep_freed())

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = bytearray(1) * 2**26
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

thread = threading.Thread(target=lambda: print(pages(), pages()))
thread.start()
thread.join()
memory.release()
print(pages())
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library")


def run(**variables):
    others = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=others | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.split()


def test_a_freed_block_is_reused_in_any_thread():
    is_kept, first, second, released = run()
    assert is_kept == "True"
    assert int(second) < 10 < 1000 < int(first)
    assert int(released) > 1000


def test_malloc_settings_of_the_user_are_kept():
    is_kept, _, second, _ = run(MALLOC_ARENA_MAX="2")
    assert is_kept == "False"
    assert int(second) > 1000
