"""Damaged generator files give a generator, or a refusal in one line."""

import io
import random
import tarfile
from pathlib import Path

import pytest
from mutations import memory_of, mutated, rewrite

from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import load_generator
from brgm_tf.generators.preset import save_preset
from brgm_tf.generators.stylegan2 import StyleGAN2

CHECKPOINTS = Path(__file__).parents[1] / "golden" / "checkpoints"
FILES = (
    "ada_skip.pkl",
    "ada_half.pkl",
    "tf1_skip.pkl",
    "rosinality_zip.pt",
    "rosinality_legacy.pt",
)
TINY = {"z_dim": 4, "w_dim": 4, "channel_base": 32, "channel_max": 4, "mapping_depth": 1}


def write_generators(folder):
    """Writes generators and returns pairs of the path to damage and the path to load."""
    preset = save_preset(StyleGAN2(8, channels=1, **TINY), folder / "preset")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(preset, arcname="net")
    (folder / "net.tar.gz").write_bytes(packed.getvalue())
    for name in FILES:
        (folder / name).write_bytes((CHECKPOINTS / name).read_bytes())
    alone = [(folder / name, folder / name) for name in (*FILES, "net.tar.gz")]
    return alone + [(preset / name, preset) for name in ("config.json", "model.weights.h5")]


def load_damaged(folder, *, count, seed):
    """Loads every generator with `count` damages and returns the number of successful loads."""
    chance, loaded = random.Random(seed), 0
    for changed, handle in write_generators(folder):
        whole = changed.read_bytes()
        for _ in range(count):
            rewrite(changed, mutated(whole, chance=chance))
            try:
                loaded += hasattr(load_generator(handle, progress=len), "synthesis")
            except InputError as error:
                if "\n" in str(error):
                    raise
        rewrite(changed, whole)
    return loaded


def test_damaged_generators_are_loaded_or_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path / "cache"))
    assert 0 < load_damaged(tmp_path, count=6, seed=0) < 6 * (len(FILES) + 3)


METER = """
import os, pathlib, resource, sys
import numpy, tensorflow
import test_damaged_generators as test
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
folder = pathlib.Path(sys.argv[1])
os.environ["BRGM_TF_CACHE"] = str(folder / "cache")
test.write_generators(folder)
idle = peak()
test.load_damaged(folder, count=20, seed=1)
print(peak() - idle)
"""


@pytest.mark.slow
def test_damaged_generators_take_no_more_than_200_mb(tmp_path):
    assert memory_of(METER, tmp_path) < 200e6
