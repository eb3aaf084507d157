"""The output of a run: every file is read back and compared."""

import dataclasses
import json
import math

import numpy as np
import pytest
from example_results import frames, image, result, samples
from PIL import Image

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io import images
from brgm_tf.reporting import writer
from brgm_tf.reporting.results import KSpaceData
from brgm_tf.reporting.tables import read_rows


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_round_trip(tmp_path, channels):
    given = result(channels=channels)
    writer.save_image_result(tmp_path, given)
    pictures = ["measurement", "reconstruction", "predicted_measurement", "merged", "truth"]
    for field in pictures:
        name = {"predicted_measurement": "recorrupted"}.get(field, field)
        loaded = images.load_image(tmp_path / "face" / f"{name}.png", channels=channels)
        np.testing.assert_array_equal(loaded, getattr(given, field))


def test_written_files_are_returned_and_no_others_exist(tmp_path):
    written = writer.save_image_result(tmp_path, result())
    assert names(tmp_path) == ["face"]
    assert names(tmp_path / "face") == sorted(path.name for path in written)
    assert names(tmp_path / "face") == [
        "figure.png",
        "history.csv",
        "latents.npz",
        "measurement.png",
        "merged.png",
        "metrics.json",
        "reconstruction.png",
        "recorrupted.png",
        "truth.png",
    ]


def kspace():
    rng = np.random.default_rng(7)
    values = (rng.normal(size=(16, 16, 2)) + 1j * rng.normal(size=(16, 16, 2))).astype("complex64")
    sampled = rng.random((16, 16)) < 0.5
    return KSpaceData(values * sampled[..., None], sampled)


def test_kspace_is_saved_with_its_pattern_and_as_a_picture(tmp_path):
    given = kspace()
    written = writer.save_image_result(tmp_path, result(kspace=given))
    folder = tmp_path / "face"
    names = {path.name for path in written}
    assert {"measurement.png", "measurement.npy", "kspace.png", "sampling.png"} <= names
    np.testing.assert_array_equal(np.load(folder / "measurement.npy"), given.values)
    sampling = images.load_image(folder / "sampling.png", channels=1)
    np.testing.assert_array_equal(sampling[..., 0] == 1, given.sampled)


def test_the_picture_of_kspace_is_logarithmic(tmp_path):
    values = np.zeros((16, 16, 1), np.complex64)
    values[0, :4, 0] = [5, 5j * 1e-2, 5e-4, 5e-5]
    given = result(kspace=KSpaceData(values, values[..., 0] != 0))
    writer.save_image_result(tmp_path, given)
    loaded = images.load_image(tmp_path / "face" / "kspace.png", channels=1)[0, :5, 0]
    np.testing.assert_allclose(loaded, [1, 0, -1, -1, -1], atol=0.01)


def test_kspace_of_an_earlier_run_is_removed(tmp_path):
    writer.save_image_result(tmp_path, result(kspace=kspace()))
    writer.save_image_result(tmp_path, result())
    assert not {"measurement.npy", "kspace.png", "sampling.png"} & set(names(tmp_path / "face"))


def test_a_missing_truth_or_merged_image_gives_no_file(tmp_path):
    writer.save_image_result(tmp_path, result(merged=None, truth=None, missing=None))
    assert not {"merged.png", "truth.png"} & set(names(tmp_path / "face"))


def test_optional_files_of_an_earlier_run_are_removed(tmp_path):
    writer.save_image_result(tmp_path, result(frames=frames()), save_video="gif")
    (tmp_path / "face" / "notes.txt").touch()
    writer.save_image_result(tmp_path, result(merged=None, truth=None))
    left = set(names(tmp_path / "face"))
    assert not {"merged.png", "truth.png", "video.gif"} & left
    assert "notes.txt" in left


def test_latents_round_trip(tmp_path):
    given = result()
    writer.save_image_result(tmp_path, given)
    with np.load(tmp_path / "face" / "latents.npz", allow_pickle=False) as archive:
        assert archive.files == ["ws"]
        assert archive["ws"].dtype == np.float32
        np.testing.assert_array_equal(archive["ws"], given.latents)


def test_the_history_has_a_row_for_each_step_with_all_digits(tmp_path):
    given = result()
    writer.save_image_result(tmp_path, given)
    rows = read_rows(tmp_path / "face" / "history.csv")
    assert list(rows[0]) == ["step", "likelihood", "total"]
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]
    for term, values in given.history.items():
        np.testing.assert_array_equal([float(row[term]) for row in rows], values)


def test_metrics_json_has_metrics_and_warnings_but_no_seconds(tmp_path):
    writer.save_image_result(tmp_path, result(warnings=("too dark",)))
    contents = json.loads((tmp_path / "face" / "metrics.json").read_text())
    about = {"warnings": ["too dark"], "complete": True}
    assert contents == {"image": "face", **result().metrics, **about}


def test_metrics_that_are_not_finite_are_null_in_json(tmp_path):
    metrics = {"psnr": math.inf, "ssim": math.nan, "rmse": np.float32(0), "residual": 2.0}
    writer.save_image_result(tmp_path, result(metrics=metrics))
    contents = json.loads((tmp_path / "face" / "metrics.json").read_text())
    assert (contents["psnr"], contents["ssim"], contents["rmse"]) == (None, None, 0)


def test_pixels_that_are_not_finite_are_grey_and_reported(tmp_path):
    broken = image(16, 16, 3)
    broken[2, 3, 1] = np.nan
    writer.save_image_result(tmp_path, result(reconstruction=broken))
    contents = json.loads((tmp_path / "face" / "metrics.json").read_text())
    assert contents["warnings"] == ["1 pixels of the reconstruction are not finite"]
    with Image.open(tmp_path / "face" / "reconstruction.png") as picture:
        assert picture.getpixel((3, 2))[1] == 128


def test_equal_results_give_equal_bytes_for_any_run_time(tmp_path):
    for folder, seconds in (("a", 1.0), ("b", 2.0)):
        given = result(seconds=seconds, frames=frames())
        writer.save_image_result(tmp_path / folder, given, save_video="gif")
    for name in names(tmp_path / "a" / "face"):
        first, second = (tmp_path / folder / "face" / name for folder in "ab")
        assert first.read_bytes() == second.read_bytes(), name


def test_names_and_warnings_of_any_script_are_valid(tmp_path):
    given = result(name="顔 $x^ \udcff " + "long" * 20, warnings=("顔 $\\frac$ " * 40,))
    writer.save_image_result(tmp_path, given)
    assert (tmp_path / given.name / "figure.png").exists()


def test_no_frames_give_no_video(tmp_path):
    writer.save_image_result(tmp_path, result(), save_video="gif")
    assert "video.gif" not in names(tmp_path / "face")


@pytest.mark.parametrize("format", ["gif", "mp4"])
def test_frames_give_a_video_on_request(tmp_path, format):
    given = result(frames=frames())
    written = writer.save_image_result(tmp_path, given, save_video=format)
    assert tmp_path / "face" / f"video.{format}" in written
    assert not any(p.stem == "video" for p in writer.save_image_result(tmp_path, given))


def test_an_unknown_video_format_is_refused_before_writing(tmp_path):
    with pytest.raises(InputError, match=r"^`save_video` must be 'mp4', 'gif' or None\."):
        writer.save_image_result(tmp_path, result(), save_video="avi")
    assert not names(tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b"])
def test_a_name_outside_the_folder_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"^`name` must"):
        writer.save_image_result(tmp_path, result(name=name))
    assert not names(tmp_path)


# Posterior samples.


def test_samples_add_only_their_files(tmp_path):
    written = writer.save_image_result(tmp_path, result(samples=samples()))
    plain = {path.name for path in writer.save_image_result(tmp_path / "plain", result())}
    added = {path.relative_to(tmp_path / "face").as_posix() for path in written} - plain
    assert sorted(added) == [
        "mean.png",
        "samples.gif",
        "samples.npz",
        "samples/00.png",
        "samples/01.png",
        "samples/02.png",
        "stddev.png",
        "uncertainty.npz",
        "uncertainty.png",
    ]
    assert set(names(tmp_path / "face")) == plain | {"samples"} | {
        name for name in added if "/" not in name
    }
    assert names(tmp_path / "face" / "samples") == ["00.png", "01.png", "02.png"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("with_mask", [False, True])
def test_samples_round_trip_merged_if_a_mask_exists(tmp_path, channels, with_mask):
    merged = image(3, 16, 16, channels, seed=20) if with_mask else None
    given = samples(channels=channels, merged=merged)
    writer.save_image_result(tmp_path, result(channels=channels, samples=given))
    for index, expected in enumerate(given.images if merged is None else merged):
        path = tmp_path / "face" / "samples" / f"{index:02}.png"
        np.testing.assert_array_equal(images.load_image(path, channels=channels), expected)


def test_samples_are_numbered_with_leading_zeros(tmp_path):
    writer.save_image_result(tmp_path, result(samples=samples(count=101)))
    paths = names(tmp_path / "face" / "samples")
    assert (paths[0], paths[-1], len(paths)) == ("000.png", "100.png", 101)


def test_latents_of_samples_round_trip(tmp_path):
    given = samples()
    writer.save_image_result(tmp_path, result(samples=given))
    with np.load(tmp_path / "face" / "samples.npz", allow_pickle=False) as archive:
        assert archive.files == ["ws"]
        np.testing.assert_array_equal(archive["ws"], given.latents)


def test_moments_and_quantiles_round_trip_exactly(tmp_path):
    given = samples()
    writer.save_image_result(tmp_path, result(samples=given))
    with np.load(tmp_path / "face" / "uncertainty.npz", allow_pickle=False) as archive:
        assert archive.files == ["mean", "stddev", "low", "high"]
        for name in archive.files:
            assert archive[name].dtype == np.float32
            np.testing.assert_array_equal(archive[name], getattr(given, name))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_standard_deviation_is_a_grey_picture_with_its_white_level_in_metrics_json(
    tmp_path, channels
):
    given = samples(channels=channels)
    writer.save_image_result(tmp_path, result(channels=channels, samples=given))
    white = json.loads((tmp_path / "face" / "metrics.json").read_text())["stddev_white"]
    with Image.open(tmp_path / "face" / "stddev.png") as picture:
        assert picture.mode == "L"
        levels = np.asarray(picture) / 255 * white
    expected = np.sqrt(np.mean(given.stddev**2, axis=-1))
    assert white == pytest.approx(expected.max())
    np.testing.assert_allclose(levels, expected, atol=0.51 * white / 255)


def test_a_standard_deviation_of_zero_is_black(tmp_path):
    given = samples(stddev=np.zeros((16, 16, 3), np.float32))
    writer.save_image_result(tmp_path, result(samples=given))
    with Image.open(tmp_path / "face" / "stddev.png") as picture:
        assert picture.getextrema() == (0, 0)
    assert json.loads((tmp_path / "face" / "metrics.json").read_text())["stddev_white"] == 0


def test_a_standard_deviation_that_is_not_finite_is_white_and_reported(tmp_path):
    stddev = np.ones((16, 16, 3), np.float32)
    stddev[2, 3, 1], stddev[4, 5] = np.nan, 2
    writer.save_image_result(tmp_path, result(samples=samples(stddev=stddev)))
    contents = json.loads((tmp_path / "face" / "metrics.json").read_text())
    assert contents["stddev_white"] == 2
    assert contents["warnings"] == ["1 pixels of the standard deviation are not finite"]
    with Image.open(tmp_path / "face" / "stddev.png") as picture:
        assert [picture.getpixel(xy) for xy in ((3, 2), (5, 4), (0, 0))] == [255, 255, 128]


def test_surplus_samples_of_an_earlier_run_are_removed(tmp_path):
    writer.save_image_result(tmp_path, result(samples=samples(count=4)))
    (tmp_path / "face" / "samples" / "notes.png").touch()
    writer.save_image_result(tmp_path, result(samples=samples(count=2)))
    assert names(tmp_path / "face" / "samples") == ["00.png", "01.png", "notes.png"]


def test_a_run_without_samples_removes_samples_of_an_earlier_run(tmp_path):
    writer.save_image_result(tmp_path, result(samples=samples()))
    written = writer.save_image_result(tmp_path, result())
    assert names(tmp_path / "face") == sorted(path.name for path in written)


def test_temporary_files_of_a_killed_run_are_removed(tmp_path):
    writer.save_image_result(tmp_path, result(samples=samples()))
    for name in ("figure.png", "samples/00.png"):
        atomic_files.temporary_beside(tmp_path / "face" / name).touch()
    writer.save_image_result(tmp_path, result(samples=samples()))
    assert not list(tmp_path.rglob("*.tmp"))


def test_files_of_the_user_in_the_samples_folder_are_preserved(tmp_path):
    writer.save_image_result(tmp_path, result(samples=samples()))
    (tmp_path / "face" / "samples" / "notes.txt").touch()
    writer.save_image_result(tmp_path, result())
    assert names(tmp_path / "face" / "samples") == ["notes.txt"]


def test_a_file_at_the_path_of_the_samples_folder_is_refused_in_one_line(tmp_path):
    (tmp_path / "face").mkdir()
    (tmp_path / "face" / "samples").touch()
    with pytest.raises(InputError, match=r"^`output_dir` must be a folder that can be written"):
        writer.save_image_result(tmp_path, result(samples=samples()))


def test_equal_samples_give_equal_bytes(tmp_path):
    for folder in "ab":
        writer.save_image_result(tmp_path / folder, result(samples=samples()))
    for first in (tmp_path / "a").rglob("*.*"):
        second = tmp_path / "b" / first.relative_to(tmp_path / "a")
        assert first.read_bytes() == second.read_bytes(), first.name


# Files of the run.


def test_flags_are_written_as_given(tmp_path):
    text = "--input=é\n--steps=5\n"
    path = writer.save_flags(tmp_path, text)
    assert path.read_text(encoding="utf-8") == text
    assert names(tmp_path) == ["flags.cfg"]


def test_results_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        result().name = "other"
