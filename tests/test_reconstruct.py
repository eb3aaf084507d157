"""The command: one line for invalid input, and whole runs of a tiny network with random weights."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from absl.testing import flagsaver
from commands import command
from PIL import Image
from small_run import DOWNSAMPLE, SIZE, SMALL, flags, make, network, share_restorers

from brgm_tf.cli import run_flags
from brgm_tf.cli.progress import RunProgress
from brgm_tf.cli.run_lock import locked
from brgm_tf.corruptions import parsing
from brgm_tf.generators.loading import list_generators
from brgm_tf.pipeline.listings import PRESETS, list_presets
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.pipeline.sharding import Shard
from brgm_tf.pipeline.volume_plan import plan_volume
from brgm_tf.pipeline.volumes import load_volume
from brgm_tf.weights.catalogue import GENERATORS, GeneratorRow

PRESET_FILES = sorted(PRESETS.glob("*.cfg"))


def process(*flags):
    return subprocess.run(
        [sys.executable, "-m", "brgm_tf.reconstruct", *map(str, flags)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tiny(monkeypatch):
    """Returns the flags of a short run with the tiny network under the name 'tiny'."""
    monkeypatch.setitem(GENERATORS, "tiny", GeneratorRow(SIZE, 3, "", "for tests"))
    monkeypatch.setattr("brgm_tf.pipeline.model.load_generator", lambda name, **_: network())
    share_restorers(monkeypatch)
    return (
        "--generator=tiny",
        f"--corruption={DOWNSAMPLE}",
        "--perceptual_scale=0",
        "--num_steps=20",
    )


@pytest.fixture
def pictures(tmp_path):
    """Returns a folder with two measurements."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i, name in enumerate(("a", "b")):
        levels = np.random.RandomState(i).randint(0, 256, (SMALL, SMALL, 3), np.uint8)
        Image.fromarray(levels).save(folder / f"{name}.png")
    return folder


# Invalid input.


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--nonsense=1"], "nonsense"),
        (["picture.png"], "--input"),
        (["--objective=best"], "objective"),
        (["--num_steps=0"], "num_steps"),
        (["--num_steps=many"], "num_steps"),
        (["--seed=-1"], "seed"),
        (["--seed=2147483648"], "seed"),
        (["--flagfile=none.cfg"], "flagfile"),
        ([], "--input"),
        (["--input=none.png"], "--input"),
        (["--input=EMPTY"], "--input"),
        (["--input=33.png", "--corruption=blur"], "--corruption"),
        (["--input=33.png", "--corruption=downsample(factor"], "--corruption"),
        (["--input=33.png", "--corruption=downsample(factor=3)"], "--corruption"),
        (["--input=33.png", "--corruption=downsample(factor=32)"], "--input"),
        (["--input=33.png", "--corruption=mask()"], "--masks"),
        (["--input=33.png", "--corruption=mask()", "--masks=none.png"], "--masks"),
        (["--input=33.png", "--masks=33.png"], "--masks"),
        (["--input=33.png", "--corruption=mask()", "--masks=found(fill=256)"], "--masks"),
        (["--input=33.png", "--generator=nobody"], "--generator"),
        (["--input=33.png", "--pixel_scale=-1"], "--pixel_scale"),
        (["--input=33.png", "--landmarks=33.png"], "--landmarks"),
        (["--input=33.png", "--faces=left", "--align=faces"], "--faces"),
        (["--input=33.png", "--align=faces", "--landmarks=33.png"], "--landmarks"),
        (["--input=33.png", "--output_dir=33.png"], "--output_dir"),
        (["--input=example:astronaut", "--output_dir=gs://bucket/out"], "--output_dir"),
    ],
)
def test_invalid_input_prints_one_line_and_exits_with_2(
    monkeypatch, tmp_path, capsys, flags, named
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("brgm_tf.cli.restore.Restorer", None)  # the run must not load the model
    (tmp_path / "EMPTY").mkdir()
    Image.new("RGB", (33, 33)).save(tmp_path / "33.png")
    assert command(*flags) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert named in err


@pytest.mark.parametrize("level", [0, 255])
def test_an_unusable_mask_is_refused_before_tensorflow_is_imported(
    monkeypatch, tmp_path, capsys, level
):
    def imported(**_):
        raise AssertionError

    monkeypatch.setattr("brgm_tf.cli.process.import_to_restore", imported)
    Image.new("L", (8, 8), level).save(tmp_path / "mask.png")
    masks = f"--masks={tmp_path / 'mask.png'}"
    assert command("--input=example:xray", "--corruption=mask()", masks) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: --masks: `masks` must ")
    assert err.count("\n") == 1


def test_generators_are_listed_without_an_input(capsys):
    assert command("--list_generators") == 0
    out, err = capsys.readouterr()
    assert out == list_generators()
    assert err == ""


def test_presets_are_listed_with_their_first_line(capsys):
    assert command("--list_presets") == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == len(PRESET_FILES)
    first_lines = [line.split(maxsplit=1) for line in out]
    assert ["tone.cfg", list_presets()["tone.cfg"]] in first_lines


# Presets.


def test_presets_exist():
    assert PRESET_FILES


# Faces are found by networks whose weights are fetched.
PRESETS_TO_PLAN = [
    pytest.param(path, marks=[pytest.mark.weights] * ("align=faces" in path.read_text()))
    for path in PRESET_FILES
]


@pytest.mark.parametrize("path", PRESETS_TO_PLAN, ids=[path.name for path in PRESET_FILES])
def test_a_preset_is_valid_and_round_trips_through_its_flags(path, tmp_path):
    parsed = run_flags.FLAGS
    with flagsaver.flagsaver():
        parsed.unparse_flags()
        run_flags.parse(["reconstruct", f"--flagfile={path.name}"])
        config = run_flags.parsed_config()
        if config.volume:
            plan = plan_volume(load_volume(parsed.input, config), config)
        else:
            plan = prepare(parsed.input, config=config, masks=parsed.masks)
        saved = run_flags.effective()
        (tmp_path / "flags.cfg").write_text(saved)
        parsed.unparse_flags()
        run_flags.parse(["reconstruct", f"--flagfile={tmp_path / 'flags.cfg'}"])
        assert run_flags.effective() == saved
    assert plan.restored if config.volume else plan.specs


# Whole runs.


def test_a_run_writes_its_files(tiny, pictures, tmp_path, capsys):
    first = tmp_path / "first"
    assert command(*tiny, f"--input={pictures}", f"--output_dir={first}") == 0
    out = capsys.readouterr().out
    assert Path(out.splitlines()[-1]) == first / "b" / "figure.png"
    assert {path.name for path in first.iterdir()} == {"a", "b", "flags.cfg", "metrics.csv"}


def test_the_faces_of_a_photograph_are_put_back(tiny, tmp_path, capsys):
    levels = np.random.RandomState(0).randint(0, 256, (60, 80, 3), np.uint8)
    Image.fromarray(levels).save(tmp_path / "photo.png")
    face = [[37, 27], [43, 27], [40, 30], [37.5, 33], [42.5, 33]]
    (tmp_path / "faces.json").write_text(json.dumps([face]))
    flags = [
        *tiny,
        "--corruption=noise(scale=5)",
        "--num_steps=2",
        "--align=faces",
        f"--landmarks={tmp_path / 'faces.json'}",
        f"--input={tmp_path / 'photo.png'}",
        f"--output_dir={tmp_path / 'out'}",
    ]
    restored = tmp_path / "out" / "photo" / "restored.png"
    for more in ([], ["--resume"]):
        restored.unlink(missing_ok=True)
        assert command(*flags, *more) == 0
        assert str(restored) in capsys.readouterr().out.splitlines()
        with Image.open(restored) as image:
            changed = (np.asarray(image) != levels).any(axis=-1)
        assert changed[28, 40]
        assert not changed[:, :20].any()
    assert (tmp_path / "out" / "photo__face0" / "figure.png").exists()


@pytest.mark.slow
def test_saved_flags_replay_a_run_to_the_same_bytes_in_another_process(tmp_path, monkeypatch):
    share_restorers(monkeypatch)
    run, first = tmp_path / "run", tmp_path / "first"
    assert command(*flags(make(tmp_path), run)) == 0
    run.rename(first)
    assert process(f"--flagfile={first / 'flags.cfg'}").returncode == 0
    names = sorted(path.relative_to(run) for path in run.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert Path("0", "reconstruction.png") in names
    for name in names:
        # The table contains the run time.
        if name.name != "metrics.csv":
            assert (run / name).read_bytes() == (first / name).read_bytes(), name


def test_an_unreadable_image_is_reported_and_the_others_are_restored(
    tiny, pictures, tmp_path, capsys
):
    (pictures / "aa.png").write_text("no image")
    out = tmp_path / "out"
    assert command(*tiny, f"--input={pictures}", f"--output_dir={out}", "--batch_size=3") == 1
    assert "failed: aa: " in capsys.readouterr().err
    assert (out / "a" / "figure.png").is_file()
    assert (out / "b" / "figure.png").is_file()
    assert not (out / "aa").exists()


def test_ctrl_c_stops_after_the_chunk_and_saves_the_image(
    monkeypatch, tiny, pictures, tmp_path, capsys
):
    report = RunProgress.__call__

    def interrupted(self, step):
        if not self.stopped:
            signal.raise_signal(signal.SIGINT)
        # Signals are handled in the main thread, and this is another one.
        while not self.stopped:
            time.sleep(0.01)
        return report(self, step)

    monkeypatch.setattr(RunProgress, "__call__", interrupted)
    before = signal.getsignal(signal.SIGINT)
    out = tmp_path / "out"
    assert command(*tiny, f"--input={pictures}", f"--output_dir={out}") == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopped after 10 of 20 steps" in (out / "a" / "metrics.json").read_text("utf-8")
    assert (out / "metrics.csv").read_text("utf-8").count("\n") == 2
    assert not (out / "b").exists()
    assert "stopped" in capsys.readouterr().err


def test_a_second_ctrl_c_ends_the_run_without_a_traceback(
    monkeypatch, tiny, pictures, tmp_path, capsys
):
    def interrupted_twice(self, step):
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.3)  # the main thread handles signals
        return True

    monkeypatch.setattr(RunProgress, "__call__", interrupted_twice)
    out = tmp_path / "out"
    assert command(*tiny, f"--input={pictures}", f"--output_dir={out}") == 130
    assert capsys.readouterr().err.endswith("stopped at once\n")
    assert not list(out.glob(".*"))


def test_a_second_run_in_the_same_folder_is_refused_in_one_line(tiny, pictures, tmp_path, capsys):
    with locked(tmp_path, shard=Shard(), flags=""):
        assert command(*tiny, f"--input={pictures}", f"--output_dir={tmp_path}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--output_dir: `output_dir` must not be in use by another run" in line


def test_all_unusable_inputs_are_named(tiny, pictures, tmp_path, capsys):
    for name in ("a", "b"):
        (pictures / f"{name}.png").write_text("no image")
    assert command(*tiny, f"--input={pictures}", f"--output_dir={tmp_path / 'out'}") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("error: --input: " in line for line in lines)


def test_saved_flags_have_absolute_paths(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with flagsaver.flagsaver():
        run_flags.FLAGS.unparse_flags()
        flags = ["--input=x.png", "--masks=example:astronaut_mask", "--output_dir=~/out"]
        run_flags.parse(["reconstruct", *flags])
        lines = run_flags.effective().splitlines()
    assert f"--input={tmp_path / 'x.png'}" in lines
    assert "--masks=example:astronaut_mask" in lines
    assert f"--output_dir={os.path.expanduser('~/out')}" in lines


@pytest.mark.parametrize("masks", ["found", "found(fill=(255, 0, 0))"])
def test_the_flag_for_detected_masks_is_saved_unchanged(masks):
    with flagsaver.flagsaver():
        run_flags.FLAGS.unparse_flags()
        run_flags.parse(["reconstruct", "--input=x.png", f"--masks={masks}"])
        assert f"--masks={masks}" in run_flags.effective().splitlines()


def test_the_path_of_a_user_defined_corruption_is_saved_absolute(tmp_path, monkeypatch):
    (tmp_path / "my_ops.py").write_text("")
    monkeypatch.chdir(tmp_path)
    with flagsaver.flagsaver():
        run_flags.FLAGS.unparse_flags()
        run_flags.parse(["reconstruct", "--corruption=my_ops.py:Fog(density=0.3) + mask"])
        lines = run_flags.effective().splitlines()
    assert f"--corruption={tmp_path}/my_ops.py:Fog(density=0.3) + mask" in lines


def test_paths_in_the_arguments_of_a_corruption_are_saved_absolute(tmp_path, monkeypatch):
    np.save(tmp_path / "a+b.npy", np.ones((3, 3)))
    np.save(tmp_path / "mask.npy", np.ones(16))
    np.save(tmp_path / "maps.npy", np.ones((16, 16, 2), complex))
    monkeypatch.chdir(tmp_path)
    text = (
        "kernel_blur(file='a+b.npy') + kspace(pattern='mask.npy', sensitivities='maps.npy')"
        " + noise(scale=5)"
    )
    with flagsaver.flagsaver():
        run_flags.FLAGS.unparse_flags()
        run_flags.parse(["reconstruct", f"--corruption={text}"])
        (line,) = (x for x in run_flags.effective().splitlines() if "kspace" in x)
    monkeypatch.chdir("/")
    chain = parsing.parse(line.removeprefix("--corruption=")).create()
    assert chain.stages[0].file == str(tmp_path / "a+b.npy")
    assert chain.stages[1].pattern == str(tmp_path / "mask.npy")
    assert chain.stages[1].sensitivities == str(tmp_path / "maps.npy")


@pytest.mark.parametrize(
    ("corruption", "message"),
    [
        ("none + my_ops.py:Fog", "stage 2 'my_ops.py:Fog': names a file that does not exist"),
        ("mask() + downsmaple(factor=4)", "stage 2 'downsmaple(factor=4)': must be one of"),
        ("noise(scale=1) + mask()", "noise must be the last stage"),
        ("kspace()", "kspace needs either an acceleration or the file of a pattern"),
        ("kspace(pattern='none.npy')", "`pattern` must exist"),
    ],
)
def test_an_invalid_chain_is_refused_in_one_line(corruption, message, capsys):
    assert command("--input=example:xray", f"--corruption={corruption}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_saved_flags_contain_checksums_of_files(tmp_path):
    files = [tmp_path / "net.pkl", tmp_path / "kernel.npy"]
    for file in files:
        file.write_bytes(b"weights")
    (tmp_path / "my_ops.py").write_text("")
    text = f"{tmp_path}/my_ops.py:Fog(density=0.3) + kernel_blur(file='{tmp_path}/kernel.npy')"
    with flagsaver.flagsaver():
        run_flags.FLAGS.unparse_flags()
        run_flags.parse(
            ["reconstruct", f"--generator={tmp_path / 'net.pkl'}", f"--corruption={text}"]
        )
        before = run_flags.effective().splitlines()
        for file in files:
            file.write_bytes(b"other weights")
        after = run_flags.effective().splitlines()
    differing = [line.partition(" of ")[0] for line in after if line not in before]
    assert differing == ["# --corruption: 13 bytes", "# --generator: 13 bytes"]
