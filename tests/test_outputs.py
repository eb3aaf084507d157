"""What a run leaves behind: every file read back, whole, equal and in its place."""

import csv
import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brgm_tf import images, outputs
from brgm_tf.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
STEPS = 4


def image(*shape, seed=0):
    levels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return images.from_uint8(levels)


def result(*, channels=3, **changes):
    full, small = (16, 16, channels), (4, 4, channels)
    values = {
        "name": "face",
        "measurement": image(*small, seed=1),
        "reconstruction": image(*full, seed=2),
        "recorrupted": image(*small, seed=3),
        "merged": image(*full, seed=4),
        "truth": image(*full, seed=5),
        "missing": np.zeros((16, 16, 1), bool),
        "latents": np.random.default_rng(6).standard_normal((3, 8)).astype(np.float32),
        "history": {"likelihood": np.arange(STEPS) / 3, "total": np.arange(STEPS) / 7},
        "metrics": {"psnr": 20.5, "ssim": 0.5, "mae": 9.0, "rmse": 12.0, "residual": 1 / 3},
        "seconds": 12.5,
        "warnings": (),
        "frames": None,
    }
    return outputs.ImageResult(**{**values, **changes})


def frames(*, side=16, channels=3, count=5):
    return tuple(image(side, side, channels, seed=index) for index in range(count))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_load_back_equal(tmp_path, channels):
    given = result(channels=channels)
    outputs.save_image_result(tmp_path, given)
    for part in ("measurement", "reconstruction", "recorrupted", "merged", "truth"):
        found = images.load_image(tmp_path / "face" / f"{part}.png", channels=channels)
        np.testing.assert_array_equal(found, getattr(given, part))


def test_returns_the_files_written_and_leaves_no_others(tmp_path):
    written = outputs.save_image_result(tmp_path, result())
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


def test_unknown_truth_and_merged_image_give_no_files(tmp_path):
    outputs.save_image_result(tmp_path, result(merged=None, truth=None, missing=None))
    assert not {"merged.png", "truth.png"} & set(names(tmp_path / "face"))


def test_optional_files_of_an_earlier_run_are_removed(tmp_path):
    outputs.save_image_result(tmp_path, result(frames=frames()), save_video="gif")
    (tmp_path / "face" / "notes.txt").touch()
    outputs.save_image_result(tmp_path, result(merged=None, truth=None))
    left = set(names(tmp_path / "face"))
    assert not {"merged.png", "truth.png", "video.gif"} & left
    assert "notes.txt" in left


def test_latents_load_back_equal(tmp_path):
    given = result()
    outputs.save_image_result(tmp_path, given)
    with np.load(tmp_path / "face" / "latents.npz", allow_pickle=False) as archive:
        assert archive.files == ["ws"]
        assert archive["ws"].dtype == np.float32
        np.testing.assert_array_equal(archive["ws"], given.latents)


def test_history_has_a_row_per_step_and_all_digits(tmp_path):
    given = result()
    outputs.save_image_result(tmp_path, given)
    rows = rows_of(tmp_path / "face" / "history.csv")
    assert list(rows[0]) == ["step", "likelihood", "total"]
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]
    for term, values in given.history.items():
        np.testing.assert_array_equal([float(row[term]) for row in rows], values)


def test_metrics_json_has_metrics_and_warnings_but_no_seconds(tmp_path):
    outputs.save_image_result(tmp_path, result(warnings=("too dark",)))
    found = json.loads((tmp_path / "face" / "metrics.json").read_text())
    assert found == {"image": "face", **result().metrics, "warnings": ["too dark"]}


def test_metrics_that_are_not_finite_are_null_in_json(tmp_path):
    metrics = {"psnr": math.inf, "ssim": math.nan, "rmse": np.float32(0), "residual": 2.0}
    outputs.save_image_result(tmp_path, result(metrics=metrics))
    found = json.loads((tmp_path / "face" / "metrics.json").read_text())
    assert (found["psnr"], found["ssim"], found["rmse"]) == (None, None, 0)


def test_pixels_that_are_not_finite_are_grey_and_reported(tmp_path):
    broken = image(16, 16, 3)
    broken[2, 3, 1] = np.nan
    outputs.save_image_result(tmp_path, result(reconstruction=broken))
    found = json.loads((tmp_path / "face" / "metrics.json").read_text())
    assert found["warnings"] == ["1 pixels of the reconstruction are not finite"]
    with Image.open(tmp_path / "face" / "reconstruction.png") as picture:
        assert picture.getpixel((3, 2))[1] == 128


def test_equal_results_give_equal_bytes_however_long_they_took(tmp_path):
    for folder, seconds in (("a", 1.0), ("b", 2.0)):
        given = result(seconds=seconds, frames=frames())
        outputs.save_image_result(tmp_path / folder, given, save_video="gif")
    for name in names(tmp_path / "a" / "face"):
        first, second = (tmp_path / folder / "face" / name for folder in "ab")
        assert first.read_bytes() == second.read_bytes(), name


def test_a_users_style_does_not_change_the_figure(tmp_path):
    import matplotlib

    outputs.save_image_result(tmp_path / "a", result())
    with matplotlib.rc_context({"font.size": 30, "savefig.dpi": 50, "image.cmap": "jet"}):
        outputs.save_image_result(tmp_path / "b", result())
    first, second = (tmp_path / folder / "face" / "figure.png" for folder in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_failed_write_keeps_the_old_file_and_no_temporary(tmp_path, monkeypatch):
    outputs.save_flags(tmp_path, "--steps=1\n")

    def fail(source, target):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match=r"^`output_dir` must .*no space left"):
        outputs.save_flags(tmp_path, "--steps=2\n")
    assert names(tmp_path) == ["flags.cfg"]
    assert (tmp_path / "flags.cfg").read_text() == "--steps=1\n"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"^`name` must"):
        outputs.save_image_result(tmp_path, result(name=name))
    assert not names(tmp_path)


# The figure.


def shown(drawn):
    return [axes.get_title() for axes in drawn.axes]


def caption(drawn):
    return [text.get_text() for text in drawn.texts]


def test_figure_has_a_panel_per_image_that_there_is():
    assert shown(outputs.figure(result())) == [
        "Measurement (4 x 4)",
        "Reconstruction",
        "Known pixels kept",
        "Re-corrupted (4 x 4)",
        "Truth",
    ]
    assert len(outputs.figure(result(merged=None, truth=None)).axes) == 3


def test_figure_captions_what_is_known():
    metrics = {"residual": 1.234, "psnr": 20.0, "rmse": 25.5, "lpips": math.nan}
    drawn = outputs.figure(result(metrics=metrics, warnings=("too dark",)))
    line, name, warning = caption(drawn)
    assert [part.strip() for part in line.split("\N{MIDDLE DOT}")] == [
        "residual 1.23 grey levels",
        "RMSE 25.50",
        "PSNR 20.00 dB",
    ]
    assert (name, warning) == ("face", "too dark")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("changes", [{}, {"merged": None, "truth": None}])
def test_figure_file_is_1600_pixels_wide(tmp_path, channels, changes):
    outputs.save_image_result(tmp_path, result(channels=channels, **changes))
    with Image.open(tmp_path / "face" / "figure.png") as picture:
        assert picture.width == 1600
        assert "Software" not in picture.info


def test_grey_images_are_grey_in_the_figure(tmp_path):
    outputs.save_image_result(tmp_path, result(channels=1))
    with Image.open(tmp_path / "face" / "figure.png") as picture:
        levels = np.asarray(picture.convert("RGB"))[60:200]
    assert (levels == levels[..., :1]).all()


def test_names_and_warnings_of_any_script_are_drawn(tmp_path):
    given = result(name="顔 $x^ \udcff " + "long" * 20, warnings=("顔 $\\frac$ " * 40,))
    outputs.save_image_result(tmp_path, given)
    assert (tmp_path / given.name / "figure.png").exists()


# The video.


def test_gif_of_grey_frames_reads_back_equal(tmp_path):
    from imageio import v3 as imageio

    given = result(channels=1, frames=frames(channels=1))
    outputs.save_image_result(tmp_path, given, save_video="gif")
    found = imageio.imread(tmp_path / "face" / "video.gif", index=None, mode="L")
    np.testing.assert_array_equal(found, images.to_uint8(np.stack(given.frames))[..., 0])


@pytest.mark.parametrize("side", [16, 17])
def test_gif_has_every_frame_at_the_stable_rate(tmp_path, side):
    from imageio import v3 as imageio

    outputs.save_image_result(tmp_path, result(frames=frames(side=side)), save_video="gif")
    path = tmp_path / "face" / "video.gif"
    assert imageio.imread(path, index=None).shape == (5, side, side, 3)
    assert imageio.immeta(path)["duration"] == 1000 / outputs.FRAMES_PER_SECOND


# imageio-ffmpeg's reader, which only this test uses, leaves its pipes open.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("channels", [1, 3])
def test_mp4_has_every_frame_and_even_sides(tmp_path, channels):
    from imageio import v3 as imageio

    given = result(frames=frames(side=33, channels=channels), channels=channels)
    outputs.save_image_result(tmp_path, given, save_video="mp4")
    path = tmp_path / "face" / "video.mp4"
    assert imageio.imread(path, plugin="FFMPEG").shape == (5, 34, 34, 3)
    assert imageio.immeta(path, plugin="FFMPEG")["fps"] == outputs.FRAMES_PER_SECOND


def test_equal_frames_give_equal_mp4_bytes(tmp_path):
    for folder in "ab":
        outputs.save_image_result(tmp_path / folder, result(frames=frames()), save_video="mp4")
    first, second = (tmp_path / folder / "face" / "video.mp4" for folder in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_no_frames_give_no_video(tmp_path):
    outputs.save_image_result(tmp_path, result(), save_video="gif")
    assert "video.gif" not in names(tmp_path / "face")


def test_unknown_video_format_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"^`save_video` must be 'mp4', 'gif' or None\."):
        outputs.save_image_result(tmp_path, result(), save_video="avi")
    assert not names(tmp_path)


@pytest.mark.parametrize(
    ("module", "format"),
    [("imageio", "gif"), ("imageio", "mp4"), ("imageio_ffmpeg", "mp4")],
)
def test_missing_video_library_is_one_line_with_the_remedy(monkeypatch, module, format):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"^`save_video` needs imageio .*pip install") as caught:
        outputs.check_video(format)
    assert "\n" not in str(caught.value)


def test_missing_ffmpeg_program_is_refused(monkeypatch):
    import imageio_ffmpeg

    def fail():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", fail)
    outputs.check_video("gif")
    with pytest.raises(InputError, match=r"^`save_video` needs .*No ffmpeg exe"):
        outputs.check_video("mp4")


@pytest.mark.parametrize("format", [None, "gif", "mp4"])
def test_video_formats_that_can_be_written_pass(format):
    outputs.check_video(format)


# The run.


def test_metrics_csv_has_the_columns_in_order_and_empty_cells(tmp_path):
    rows = [
        {"image": "a, b", "psnr": 1 / 3, "seconds": 1.5, "zeta": 1, "merged_psnr": math.inf},
        {"image": "c", "psnr": math.nan, "ssim": None, "residual": np.float64(2)},
    ]
    path = outputs.save_metrics_csv(tmp_path, rows)
    assert path == tmp_path / "metrics.csv"
    assert path.read_bytes().decode() == (
        "image,psnr,ssim,mae,rmse,lpips,seconds,residual,merged_psnr,zeta\n"
        '"a, b",0.3333333333333333,,,,,1.5,,inf,1\n'
        "c,,,,,,,2.0,,\n"
    )


def test_metrics_row_has_name_seconds_and_metrics():
    given = result()
    expected = {"image": "face", "seconds": 12.5, **given.metrics}
    assert outputs.metrics_row(given) == expected


def test_metrics_csv_of_no_images_has_its_header(tmp_path):
    outputs.save_metrics_csv(tmp_path, [])
    assert rows_of(tmp_path / "metrics.csv") == []


def test_flags_are_written_as_given(tmp_path):
    text = "--input=é\n--steps=5\n"
    path = outputs.save_flags(tmp_path, text)
    assert path.read_text(encoding="utf-8") == text
    assert names(tmp_path) == ["flags.cfg"]


def test_check_writable_creates_the_folder_and_leaves_it_empty(tmp_path):
    folder = outputs.check_writable(tmp_path / "a" / "b")
    assert folder == tmp_path / "a" / "b"
    assert names(folder) == []


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_check_writable_refuses_a_file(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^`output_dir` must be a folder that can be written"):
        outputs.check_writable(tmp_path / name)


@pytest.mark.parametrize("name", ["", "a\0b", "/proc/no_such_folder"])
def test_check_writable_names_the_users_argument(name):
    with pytest.raises(InputError, match=r"^`cache_dir` must") as caught:
        outputs.check_writable(name, argument="cache_dir")
    assert caught.value.argument == "cache_dir"


def test_results_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        result().name = "other"


def test_importing_outputs_imports_no_heavy_library():
    program = (
        "import sys, brgm_tf.outputs;"
        "heavy = {'matplotlib', 'imageio', 'tensorflow', 'keras'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or None)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
