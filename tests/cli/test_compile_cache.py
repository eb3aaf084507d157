"""A cache of compiled programs on disk, shared by processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from brgm_tf.cli import compile_cache

ROOT = Path(__file__).parents[2]
# Compiles one function with XLA and prints its result.
PROGRAM = """
from brgm_tf.cli import process
process.import_quietly("tensorflow")
import tensorflow as tf
from brgm_tf.core.compilation import compiled
print(compiled(lambda x: tf.linalg.matvec(x, tf.sin(x[0])), jit=True)(tf.eye(3) + 1).numpy())
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path))
    return tmp_path


def modification_times(cache):
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.pb")}


def run():
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def test_the_next_process_reuses_the_compiled_program(cache):
    first = run()
    written = modification_times(cache)
    assert len(written) == 1
    assert run() == first
    assert modification_times(cache) == written


def test_cache_flags_of_the_user_are_kept(cache, monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=0")
    assert compile_cache.keep_programs() is None
    assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_auto_jit=0"


def test_no_programs_are_cached_on_a_nearly_full_disk(cache, monkeypatch):
    usage = shutil.disk_usage(cache)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2**20))
    assert compile_cache.keep_programs() is None
    assert "TF_XLA_FLAGS" not in os.environ


def test_an_unwritable_cache_is_ignored(cache, monkeypatch):
    (cache / "file").touch()
    monkeypatch.setenv("BRGM_TF_CACHE", str(cache / "file"))
    assert compile_cache.keep_programs() is None


def test_other_xla_flags_use_another_cache_folder(cache, monkeypatch):
    folders = set()
    for flags in ("", "--xla_backend_optimization_level=1"):
        monkeypatch.setenv("XLA_FLAGS", flags)
        monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
        folders.add(compile_cache.keep_programs())
    assert len(folders) == 2


def write(folder, name, *, size, age):
    path = folder / name
    path.write_bytes(b"." * size)
    os.utime(path, (1000 - age, 1000 - age))
    return path


def test_programs_older_than_the_last_boot_are_removed(tmp_path):
    old, new = (write(tmp_path, name, size=1, age=age) for name, age in (("a", 90), ("b", 10)))
    compile_cache.tidy(tmp_path, newer_than=950, most_bytes=100)
    assert (old.exists(), new.exists()) == (False, True)


def test_the_oldest_programs_are_removed_above_the_size_limit(tmp_path):
    paths = [write(tmp_path, str(age), size=40, age=age) for age in (30, 10, 20)]
    compile_cache.tidy(tmp_path, newer_than=0, most_bytes=100)
    assert [path.exists() for path in paths] == [False, True, True]
