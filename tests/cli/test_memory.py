"""Freed memory that the next step finds."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Writes a large block twice; prints how many pages the system had to give the second time.
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


def test_a_freed_block_is_there_for_the_next_of_its_size_in_any_thread():
    checkpoint, first, second, released = run()
    assert checkpoint == "True"
    assert int(second) < 10 < 1000 < int(first)
    assert int(released) > 1000


def test_the_users_own_settings_stay():
    checkpoint, _, second, _ = run(MALLOC_ARENA_MAX="2")
    assert checkpoint == "False"
    assert int(second) > 1000
