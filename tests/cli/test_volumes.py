"""The command for a volume: its files, and how a stopped run continues."""

import json

import nibabel as nib
import numpy as np
import pytest
from commands import command

from brgm_tf.cli.progress import RunProgress
from brgm_tf.generators.preset import save_preset
from brgm_tf.generators.stylegan2 import StyleGAN2

SIZE, COUNT = 8, 3


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """Returns the flags of a short run on a random volume with a tiny grey generator."""
    folder = tmp_path_factory.mktemp("volume")
    sizes = {"channel_base": 16, "channel_max": 4, "w_dim": 4, "z_dim": 4, "mapping_depth": 1}
    save_preset(StyleGAN2(SIZE, channels=1, seed=1, **sizes), folder / "generator")
    values = np.random.RandomState(0).rand(SIZE, SIZE, COUNT).astype("float32")
    nib.save(nib.Nifti1Image(values, np.diag([1, 1, 4, 1])), folder / "head.nii.gz")
    return (
        "--volume",
        f"--input={folder / 'head.nii.gz'}",
        f"--generator={folder / 'generator'}",
        "--corruption=thick_slices(factor=2) + noise(scale=5)",
        "--objective=bayes",
        "--num_steps=20",
    )


def metrics(folder):
    return json.loads((folder / "head" / "metrics.json").read_text())


def test_a_stopped_run_resumes_to_the_files_of_a_whole_run(flags, tmp_path, monkeypatch, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert command(*flags, f"--output_dir={whole}") == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(whole / "head" / "figure.png")
    assert "6 slices at 2 mm" in err
    with monkeypatch.context() as patch:
        patch.setattr(RunProgress, "__call__", lambda self, step: self.stop() or self.stopped)
        assert command(*flags, f"--output_dir={parts}") == 130
    assert not metrics(parts)["complete"]
    assert (parts / "state.npz").exists()
    assert command(*flags, f"--output_dir={parts}", "--resume") == 0
    assert metrics(parts)["complete"]
    assert not (parts / "state.npz").exists()
    for name in ("reconstruction.nii.gz", "latents.npz", "history.csv", "scroll.gif"):
        assert (parts / "head" / name).read_bytes() == (whole / "head" / name).read_bytes()
    image = nib.load(whole / "head" / "reconstruction.nii.gz")
    assert image.shape == (SIZE, SIZE, 2 * COUNT)
    np.testing.assert_allclose(
        image.affine, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, -1], [0, 0, 0, 1]]
    )
    capsys.readouterr()
    assert command(*flags, f"--output_dir={whole}", "--resume") == 0
    assert "head was finished before" in capsys.readouterr().err


def test_a_missing_file_is_one_line(flags, capsys):
    assert command(*flags, "--input=none.nii.gz") == 2
    assert capsys.readouterr().err.startswith("error: --input: `input` must be an existing file")
