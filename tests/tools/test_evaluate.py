"""The command that compares restoration methods: its tables and its resumption."""

import csv
import dataclasses
from pathlib import Path

import evaluate
import numpy as np
import pytest
from evaluating.evaluation import Evaluation
from evaluating.settings import Setting
from PIL import Image
from small_run import SharedRestorers

from brgm_tf.corruptions.masking.membrane import fill_seamlessly
from brgm_tf.evaluation import baselines

ROOT = Path(__file__).parents[2]
# The network makes images of 16 x 16 pixels.
GENERATOR = ROOT / "tests" / "golden" / "checkpoints" / "tf1_skip.pkl"
TASKS = ("downsample(factor=4)", "mask()")

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    levels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), "uint8")
    for i, image in enumerate(levels):
        Image.fromarray(image).save(folder / f"{i}.png")
    mask = np.full((16, 16), 255, "uint8")
    mask[4:10, 4:10] = 0
    Image.fromarray(mask).save(folder.parent / "mask.png")
    return folder


def arguments(images, folder, *more):
    common = ("--masks", images.parent / "mask.png", "--generator", GENERATOR)
    steps = ("--num_steps=2", "--batch_size=2", "--override", "perceptual_scale=0")
    return [str(word) for word in (images, folder, "--tasks", *TASKS, *common, *steps, *more)]


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def evaluated(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluating.evaluation.Restorer", SharedRestorers(jit=False))
        assert evaluate.main(arguments(images, folder)) == 0
    return folder


def test_every_image_is_restored_by_every_method(evaluated):
    restorations = {
        (row["task"], row["method"], row["image"]) for row in rows(evaluated / "images.csv")
    }
    methods = {TASKS[0]: ("map", "bicubic"), TASKS[1]: ("map", "biharmonic", "tv")}
    assert restorations == {
        (task, method, name) for task in TASKS for method in methods[task] for name in "01"
    }


def test_the_table_has_means_and_standard_errors(evaluated):
    images, table = rows(evaluated / "images.csv"), rows(evaluated / "table.csv")
    for line in table:
        selected = [row for row in images if all(row[k] == line[k] for k in ("task", "method"))]
        values = np.array([float(row["rmse"]) for row in selected])
        assert line["images"] == "2"
        assert float(line["rmse"]) == pytest.approx(values.mean())
        assert float(line["rmse_error"]) == pytest.approx(values.std(ddof=1) / 2**0.5)
    assert "| biharmonic |" in (evaluated / "table.md").read_text("utf-8")


def test_a_baseline_preserves_known_pixels(evaluated):
    folder = evaluated / "pictures" / "mask"
    restored, truth = (np.asarray(Image.open(folder / part / "0.png")) for part in ("map", "truth"))
    np.testing.assert_array_equal(restored[:4], truth[:4])


@pytest.fixture(scope="module")
def with_samples(images, tmp_path_factory):
    """The folder of an evaluation by map with an option and by vi."""
    folder = tmp_path_factory.mktemp("with_samples")
    methods = ("map(objective=brgm_torch, num_steps=3)", "vi(num_samples=4)")
    words = ("--estimators", *methods, "--baselines", "--tasks", "mask()")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluating.evaluation.Restorer", SharedRestorers(jit=False))
        assert evaluate.main(arguments(images, folder, *words)) == 0
    return folder


def test_an_estimator_of_samples_has_rows_of_their_mean_and_of_a_draw(with_samples):
    methods = [row["method"] for row in rows(with_samples / "table.csv")]
    vi = "vi(num_samples=4)"
    expected = ["map(objective=brgm_torch, num_steps=3)", vi, f"{vi}: mean", f"{vi}: draw"]
    assert methods == expected


def test_the_mean_and_a_draw_differ_in_the_hole_only(with_samples):
    home = with_samples / "pictures" / "mask"
    mean, draw = (
        np.asarray(Image.open(home / f"vi_num_samples_4_{part}" / "0.png"))
        for part in ("mean", "draw")
    )
    hole = np.zeros((16, 16), bool)
    hole[4:10, 4:10] = True
    np.testing.assert_array_equal(mean[~hole], draw[~hole])
    assert (mean[hole] != draw[hole]).any()


def test_the_trade_off_is_a_picture_with_a_panel_for_each_task(evaluated, with_samples):
    widths = []
    for home in (evaluated, with_samples):
        with Image.open(home / "trade_off.png") as picture:
            widths.append(picture.size[0])
    assert widths[0] == 2 * widths[1]


def test_options_of_an_estimator_are_fields_of_the_configuration_or_the_objective():
    setting = Setting.parse("map(objective=balanced, num_steps=10, layer_scale=0.5)")
    assert setting.fields == {"objective": "balanced", "num_steps": 10}
    assert setting.overrides == {"layer_scale": 0.5}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recorder(baselines.Baseline):
    """A baseline that returns a black image and records its arguments."""

    calls: list

    def load(self):
        def black(measurement, **keywords):
            self.calls.append((measurement, keywords))
            return np.full((16, 16, 3), -1, "float32")

        return black


@pytest.fixture
def recorded(images, tmp_path, monkeypatch):
    """Returns the calls of a slow baseline selected by a flag, and the folder of the results."""
    row = Recorder("", "", corruptions=("mask",), slow=True, calls=[])
    monkeypatch.setitem(baselines.BASELINES, "dip", row)
    named = ("--estimators", "--baselines", "dip", "biharmonic", "--seed=5", "--tasks", "mask()")
    assert evaluate.main(arguments(images, tmp_path, *named)) == 0
    return row.calls, tmp_path


def test_a_baseline_receives_corruption_and_seed(recorded):
    measurement, keywords = recorded[0][0]
    measured = keywords["corruption"].forward(np.zeros((1, 16, 16, 3), "float32"))[0]
    hole = np.zeros((16, 16, 1), bool)
    hole[4:10, 4:10] = True
    np.testing.assert_array_equal(measured, np.where(hole, np.ones(3), 0))
    np.testing.assert_array_equal(measurement[hole[..., 0]], 1)
    np.testing.assert_array_equal(keywords["missing"], hole)
    assert (keywords["resolution"], keywords["seed"]) == (16, 5)


def test_the_result_of_a_baseline_is_blended_into_the_known_pixels(recorded):
    folder = recorded[1] / "pictures" / "mask"
    restored, truth = (np.asarray(Image.open(folder / part / "0.png")) for part in ("dip", "truth"))
    np.testing.assert_array_equal(restored[:4], truth[:4])
    known = np.ones((1, 16, 16, 1), bool)
    known[:, 4:10, 4:10] = False
    black = np.zeros((1, *truth.shape))
    expected = fill_seamlessly(black, truth[None].astype(float), known=known)[0]
    np.testing.assert_allclose(restored, expected, atol=0.51)


def test_help_lists_the_slow_baselines(capsys):
    with pytest.raises(SystemExit):
        evaluate.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "dip: Deep Image Prior" in shown
    assert "(downsample, mask, random_mask, box_mask, scratches, half_mask; slow)" in shown


def test_finished_results_are_not_recomputed(images, evaluated, monkeypatch):
    before = (evaluated / "images.csv").read_bytes()
    monkeypatch.setattr(Evaluation, "_restoration", None)  # a call would fail
    assert evaluate.main(arguments(images, evaluated)) == 0
    assert (evaluated / "images.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--override", "noise_scale=-1"), "--noise_scale: `noise_scale` must be"),
        (("--estimators", "map(noise_scale=-1)"), "--noise_scale: `noise_scale` must be"),
        (("--estimators", "mode"), "--estimators: `estimators` must be one of map, vi"),
    ],
)
def test_an_invalid_option_is_refused_in_one_line(images, tmp_path, capsys, words, error):
    assert evaluate.main(arguments(images, tmp_path / "new", *words)) == 2
    assert capsys.readouterr().err.startswith(f"error: {error}")
