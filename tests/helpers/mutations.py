"""Damaged copies of files, and the memory that a program needs for them."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
# Programs import the test modules with the checks that they run.
FOLDERS = (TESTS.parent, TESTS / "helpers", TESTS / "weights" / "formats", TESTS / "generators")


def mutated(data, *, chance):
    """Returns `data` with a few bytes flipped, changed, removed, repeated or moved."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, size = chance.randrange(len(data)), chance.randint(1, 8)
        part = data[at : at + size]
        match chance.randrange(6):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice(b"\x00\xff.)(}]Rb\x81\x94h\x8e\x8bK\x7f")
            case 2:
                data[at : at + size] = chance.randbytes(len(part))
            case 3 if len(data) > size:
                del data[at : at + size]
            case 4:
                data[at:at] = part * chance.randint(1, 3)
            case _:
                to = chance.randrange(len(data))
                data[to : to + size] = part
    return bytes(data)


def rewrite(path, data):
    """Replaces a file by a new one, because arrays may still be views of the old file."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def memory_of(program, *paths):
    """Returns the increase of memory in bytes that a program reports in a new process."""
    command = [sys.executable, "-c", program, *map(str, paths)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, FOLDERS))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return int(done.stdout)
