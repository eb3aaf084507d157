"""The commands that convert, verify and sample generators."""

import hashlib
import importlib.util
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from brgm_tf.generators.loading import load_generator
from brgm_tf.io import images

ROOT = Path(__file__).parents[2]
# The network makes images of 16 x 16 pixels from six latents.
PICKLE = ROOT / "tests" / "golden" / "checkpoints" / "tf1_skip.pkl"
SIZE, LAYERS = 16, 6


def tool(name):
    specification = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


convert = tool("convert_checkpoint").main
generate = tool("generate").main


def run(command, *arguments):
    return command([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted") / "net"
    assert run(convert, PICKLE, folder, "--licence=For tests.") == 0
    return folder


def copied(preset, folder):
    folder.mkdir()
    for path in preset.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def grid_of(tmp_path, *arguments):
    path = tmp_path / "grid.png"
    assert run(generate, arguments[0], path, f"--generator={PICKLE}", *arguments[1:]) == 0
    return images.load_image(path, channels=3)


def cell(grid, row, column):
    return grid[row * SIZE : (row + 1) * SIZE, column * SIZE : (column + 1) * SIZE]


def test_a_preset_computes_the_images_of_its_source(preset):
    ws = np.random.RandomState(0).randn(2, LAYERS, 5).astype("float32")
    first, second = (load_generator(handle) for handle in (PICKLE, preset))
    assert np.array_equal(first.synthesis(ws), second.synthesis(ws))
    assert first.get_config() == second.get_config()


def test_the_model_card_has_origin_licence_and_checksums(preset):
    card = (preset / "README.md").read_text()
    weights = hashlib.sha256((preset / "model.weights.h5").read_bytes()).hexdigest()
    for text in (
        "tf1_skip.pkl",
        hashlib.sha256(PICKLE.read_bytes()).hexdigest(),
        "Licence: For tests.",
        f"{weights}  model.weights.h5",
        "ws [B, 6, 5]",
    ):
        assert text in card
    about = json.loads((preset / "config.json").read_text())["about"]
    assert about["licence"] == "For tests."


def test_the_conversion_writes_no_other_files(preset):
    assert [path.name for path in preset.parent.iterdir()] == ["net"]
    names = {path.name for path in preset.iterdir()}
    assert names == {"config.json", "model.weights.h5", "README.md"}


def test_another_network_of_a_checkpoint_is_converted_on_request(preset, tmp_path, capsys):
    assert run(convert, PICKLE, tmp_path / "g", "--network=G") == 0
    assert run(convert, PICKLE, tmp_path / "g", "--network=G", "--verify") == 0
    assert run(convert, PICKLE, tmp_path / "g", "--verify") == 1
    capsys.readouterr()
    assert run(convert, preset, tmp_path / "h", "--network=G") == 2
    assert (
        "`network` must be G_ema, because this generator has a single network"
        in capsys.readouterr().err
    )


def test_a_saved_model_is_verified(tmp_path, capsys):
    assert run(convert, PICKLE, tmp_path / "net", "--saved_model") == 0
    assert run(convert, PICKLE, tmp_path / "net", "--verify") == 0
    assert "images: largest difference" in capsys.readouterr().err


def test_half_precision_is_verified_within_its_precision(tmp_path):
    assert run(convert, PICKLE, tmp_path / "net", "--storage=float16") == 0
    assert run(convert, PICKLE, tmp_path / "net", "--verify") == 0


def test_a_damaged_file_is_detected(preset, tmp_path, capsys):
    folder = copied(preset, tmp_path / "net")
    with open(folder / "model.weights.h5", "ab") as file:
        file.write(b"more")
    assert run(convert, PICKLE, folder, "--verify") == 1
    assert "differs: model.weights.h5" in capsys.readouterr().err


@pytest.mark.parametrize("weight", ["synthesis/b16/conv1/bias", "mapping/fc0/bias"])
def test_a_changed_weight_is_detected(preset, tmp_path, weight):
    folder = copied(preset, tmp_path / "net")
    (folder / "README.md").unlink()
    with h5py.File(folder / "model.weights.h5", "a") as file:
        file[weight][0] += 1
    assert run(convert, PICKLE, folder, "--verify") == 1


def test_a_folder_with_files_is_not_overwritten(preset, capsys):
    assert run(convert, PICKLE, preset) == 2
    assert "`dest` must be a new or an empty folder" in capsys.readouterr().err


def test_a_file_that_is_not_a_generator_is_refused_in_one_line(tmp_path, capsys):
    (tmp_path / "page.pkl").write_bytes(b"<html>")
    assert run(convert, tmp_path / "page.pkl", tmp_path / "net") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["page.pkl"]


def test_samples_depend_on_their_seeds(tmp_path):
    grid = grid_of(tmp_path, "samples", "--seeds=3,5-6", "--columns=2")
    assert grid.shape == (2 * SIZE, 2 * SIZE, 3)
    generator = load_generator(PICKLE)
    for i, seed in enumerate((3, 5, 6)):
        z = np.random.RandomState(seed).randn(1, generator.z_dim).astype("float32")
        image = np.clip(generator(z)[0], -1, 1)
        np.testing.assert_allclose(cell(grid, i // 2, i % 2), image, atol=1 / 127)
    assert (cell(grid, 1, 1) == 1).all()


def test_a_truncation_of_zero_gives_the_mean(tmp_path):
    grid = grid_of(tmp_path, "samples", "--seeds=0-1", "--truncation=0", "--columns=2")
    assert np.array_equal(cell(grid, 0, 0), cell(grid, 0, 1))


def test_an_interpolation_connects_each_seed_with_the_next(tmp_path):
    grid = grid_of(tmp_path, "interpolation", "--seeds=0-2", "--steps=4")
    assert grid.shape == (2 * SIZE, 4 * SIZE, 3)
    assert np.array_equal(cell(grid, 0, 3), cell(grid, 1, 0))
    assert not np.array_equal(cell(grid, 0, 1), cell(grid, 0, 2))


def test_mixing_takes_the_given_layers_from_the_columns(tmp_path):
    options = ("mixing", "--seeds=0-1", "--column_seeds=7-8")
    everything = grid_of(tmp_path, *options, f"--layers=0-{LAYERS - 1}")
    assert everything.shape == (3 * SIZE, 3 * SIZE, 3)
    for row in (1, 2):
        for column in (1, 2):
            assert np.array_equal(cell(everything, row, column), cell(everything, 0, column))
    mixed = cell(grid_of(tmp_path, *options, "--layers=0-1"), 1, 1)
    assert not np.array_equal(mixed, cell(everything, 0, 1))
    assert not np.array_equal(mixed, cell(everything, 1, 0))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("mixing", "--layers=4-6"), "`layers` must be below 6"),
        (("interpolation", "--seeds=1"), "`seeds` must be at least two"),
        (("samples", "--generator=nobody"), "`generator` must be a file or folder"),
    ],
)
def test_invalid_arguments_are_refused_in_one_line(tmp_path, capsys, arguments, expected):
    mode, *rest = arguments
    assert run(generate, mode, tmp_path / "grid.png", f"--generator={PICKLE}", *rest) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err
    assert not (tmp_path / "grid.png").exists()
