"""Runs that adapt the generator's weights: their files, and their resumption."""

import numpy as np
import pytest
from commands import command
from small_run import contents, flags, make, share_restorers

from brgm_tf.cli.progress import RunProgress
from brgm_tf.cli.restore import STOPPED
from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import load_generator
from brgm_tf.io import images
from brgm_tf.pipeline.config import Config
from brgm_tf.reporting.tables import read_rows

ADAPTED = ("--num_steps=3", "--adaptation_steps=20", "--adaptation_scale=0.5", "--save_generator")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Returns a folder with a generator, images, and the output of an uninterrupted run in out/."""
    folder = make(tmp_path_factory.mktemp("adapted"))
    with pytest.MonkeyPatch.context() as patch:
        share_restorers(patch)
        inputs = sorted((folder / "in").iterdir())[2:]
        for path in inputs:
            path.unlink()
        assert command(*flags(folder, folder / "out"), *ADAPTED) == 0
        yield folder


def test_the_saved_generator_reproduces_the_reconstruction(uninterrupted):
    for name in ("0", "1"):
        folder = uninterrupted / "out" / name
        ws = np.load(folder / "latents.npz")["ws"]
        image = np.asarray(load_generator(folder / "generator").synthesis(ws[None]))[0]
        written = images.load_image(folder / "reconstruction.png", channels=3)
        np.testing.assert_allclose(np.clip(image, -1, 1), written, atol=0.51 / 127.5)
        trained = np.asarray(load_generator(uninterrupted / "net").synthesis(ws[None]))[0]
        assert np.abs(trained - image).max() > 0.05


def test_the_history_has_every_step_and_the_adaptation_term(uninterrupted):
    history = read_rows(uninterrupted / "out" / "0" / "history.csv")
    assert len(history) == 23
    terms = [float(row["adaptation"]) for row in history]
    assert not any(terms[:4])
    assert min(terms[5:]) > 0
    assert float(history[-1]["total"]) < float(history[3]["total"])


def test_a_run_stopped_during_adaptation_resumes_to_the_same_bytes(
    uninterrupted, tmp_path, monkeypatch
):
    count_and_show = RunProgress.__call__
    steps = []

    def stopping(self, step):
        steps.append(step.step)
        if steps == [3, 13]:
            self.stop()
        return count_and_show(self, step)

    monkeypatch.setattr(RunProgress, "__call__", stopping)
    assert command(*flags(uninterrupted, tmp_path), *ADAPTED) == STOPPED
    assert command(*flags(uninterrupted, tmp_path), *ADAPTED, "--resume") == 0
    assert steps == [3, 13, 23]
    assert contents(tmp_path) == contents(uninterrupted / "out")


def test_the_original_variational_inference_refuses_adaptation():
    with pytest.raises(InputError, match="`adaptation_steps` must be 0 for --estimator=vi_brgm"):
        Config(estimator="vi_brgm", adaptation_steps=10)


def test_the_generator_is_saved_only_with_adaptation():
    with pytest.raises(InputError, match="`save_generator` needs adapted weights"):
        Config(keep_generator=True)
