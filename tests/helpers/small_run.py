"""A generator of 8 x 8 pixels and images of 4 x 4 pixels, which a test restores in a second."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from brgm_tf.generators.preset import save_preset
from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.pipeline.restorer import Restorer

SIZE, SMALL, COUNT = 8, 4, 4
DOWNSAMPLE = f"downsample(factor={SIZE // SMALL})"


@functools.cache
def network():
    """Returns a tiny StyleGAN2 with random weights, the same for all tests of a process."""
    sizes = {"channel_base": 32, "channel_max": 8, "w_dim": 8, "z_dim": 8, "mapping_depth": 2}
    return StyleGAN2(SIZE, seed=1, **sizes)


class SharedRestorers:
    """Makes one restorer for each configuration, so that tests share compiled programs.

    Args:
        jit: Whether XLA compiles the programs. Programs without XLA are ready in half the time, and
            their results differ from the command's in the last bits.
    """

    _INPUT_FIELDS = ("faces", "landmarks", "non_square", "plane", "slices", "window")

    def __init__(self, *, jit=True):
        self._jit, self._restorers = jit, {}

    def __call__(self, config, *, notify=None, device=None):
        fields = [field.name for field in dataclasses.fields(config)]
        values = [getattr(config, name) for name in fields if name not in self._INPUT_FIELDS]
        key = (device, *(v if isinstance(v, str) else self._key_of(v) for v in values))
        if key not in self._restorers:
            with pytest.MonkeyPatch.context() as patch:
                if not self._jit:
                    patch.setattr(tf, "function", functools.partial(_graph, tf.function))
                self._restorers[key] = Restorer(config, notify=notify, device=device)
        return self._restorers[key]

    @staticmethod
    def _key_of(value):
        is_plain = value is None or isinstance(value, int | float | dict)
        return repr(value) if is_plain else id(value)


def _graph(function, *arguments, jit_compile=None, **options):
    """Returns a `tf.function` that XLA does not compile."""
    del jit_compile
    return function(*arguments, **options)


_SHARED, _GRAPHS = SharedRestorers(), SharedRestorers(jit=False)


def share_restorers(monkeypatch):
    """Lets `restore` and the command use shared restorers, with XLA for the command alone."""
    monkeypatch.setattr("brgm_tf.pipeline.api.Restorer", _GRAPHS)
    monkeypatch.setattr("brgm_tf.cli.restore.Restorer", _SHARED)


def make(folder):
    """Writes the generator to net/ and the images to in/0.png and so on, and returns the folder."""
    save_preset(network(), folder / "net")
    (folder / "in").mkdir()
    for i in range(COUNT):
        levels = np.random.RandomState(i).randint(0, 256, (SMALL, SMALL, 3), np.uint8)
        Image.fromarray(levels).save(folder / "in" / f"{i}.png")
    return folder


def flags(folder, output):
    """Returns the flags of a run on the images of a folder."""
    paths = [f"--generator={folder / 'net'}", f"--input={folder / 'in'}", f"--output_dir={output}"]
    return [
        *paths, f"--corruption={DOWNSAMPLE}", "--perceptual_scale=0",
        "--num_steps=20", "--batch_size=2",
    ]  # fmt: skip


def contents(folder):
    """Returns the bytes of the files of all images of a run by relative path."""
    files = [path for path in folder.glob("*/**/*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}
