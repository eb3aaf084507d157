"""Videos and slide shows: their frames, and errors for missing libraries."""

import sys

import numpy as np
import pytest
from example_results import frames
from imageio import v3 as imageio

from brgm_tf.core.errors import InputError
from brgm_tf.io import images
from brgm_tf.reporting.video import (
    FRAMES_AT_END,
    FRAMES_PER_SECOND,
    MILLISECONDS_PER_SLIDE,
    check_video,
    encode_slides,
    encode_video,
)


def test_grey_frames_of_a_gif_round_trip():
    given = frames(channels=1)
    decoded = imageio.imread(encode_video(given, format="gif"), index=None, mode="L")
    np.testing.assert_array_equal(decoded, images.to_uint8(np.stack(given))[..., 0])


@pytest.mark.parametrize("side", [16, 17])
def test_a_gif_has_every_frame_at_the_stated_rate(side):
    encoded = encode_video(frames(side=side), format="gif")
    assert imageio.imread(encoded, index=None).shape == (5, side, side, 3)
    durations = [imageio.immeta(encoded, index=index)["duration"] for index in range(5)]
    frame = 1000 / FRAMES_PER_SECOND
    assert durations == [frame, frame, frame, frame, FRAMES_AT_END * frame]


# The reader of imageio-ffmpeg, which only this test uses, does not close its pipes.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("channels", [1, 3])
def test_an_mp4_has_every_frame_and_even_sides(tmp_path, channels):
    path = tmp_path / "video.mp4"
    path.write_bytes(encode_video(frames(side=33, channels=channels), format="mp4"))
    shown = imageio.imread(path, plugin="FFMPEG").astype(int)
    assert shown.shape == (4 + FRAMES_AT_END, 34, 34, 3)
    assert np.abs(shown[5:] - shown[4]).max() < 10 < np.abs(shown[4] - shown[3]).max()
    assert imageio.immeta(path, plugin="FFMPEG")["fps"] == FRAMES_PER_SECOND


@pytest.mark.parametrize("format", ["gif", "mp4"])
def test_equal_frames_give_equal_bytes(format):
    assert encode_video(frames(), format=format) == encode_video(frames(), format=format)


@pytest.mark.parametrize(
    ("module", "format"),
    [("imageio", "gif"), ("imageio", "mp4"), ("imageio_ffmpeg", "mp4")],
)
def test_a_missing_video_library_is_refused_with_the_remedy(monkeypatch, module, format):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"^`save_video` needs imageio .*pip install") as caught:
        check_video(format)
    assert "\n" not in str(caught.value)


def test_a_missing_ffmpeg_program_is_refused(monkeypatch):
    import imageio_ffmpeg

    def fail():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", fail)
    check_video("gif")
    with pytest.raises(InputError, match=r"^`save_video` needs .*No ffmpeg exe"):
        check_video("mp4")


@pytest.mark.parametrize("format", [None, "gif", "mp4"])
def test_available_video_formats_pass_the_check(format):
    check_video(format)


# Slides.


def test_grey_slides_round_trip():
    given = frames(channels=1)
    decoded = imageio.imread(encode_slides(given), index=None, mode="L")
    np.testing.assert_array_equal(decoded, images.to_uint8(np.stack(given))[..., 0])


@pytest.mark.parametrize("side", [1, 17])
def test_every_slide_is_shown_for_half_a_second(side):
    encoded = encode_slides(frames(side=side, count=3))
    assert imageio.imread(encoded, index=None).shape == (3, side, side, 3)
    for index in range(3):
        assert imageio.immeta(encoded, index=index)["duration"] == MILLISECONDS_PER_SLIDE


def test_pixels_equal_in_all_slides_do_not_flicker():
    given = np.stack(frames(side=32))
    given[:, :, :20] = given[:1, :, :20]
    decoded = imageio.imread(encode_slides(given), index=None)
    assert (decoded[:, :, :20] == decoded[:1, :, :20]).all()
    assert (decoded[1:, :, 20:] != decoded[:1, :, 20:]).any()


def test_colours_of_slides_are_close_to_the_images():
    steps = np.linspace(-1, 1, 16, dtype=np.float32)
    red, green = np.broadcast_arrays(steps, steps[:, None])
    given = np.stack([red, green, np.zeros_like(red)], axis=-1)
    decoded = imageio.imread(encode_slides([given, -given]), index=None).astype(int)
    assert np.abs(decoded - images.to_uint8(np.stack([given, -given]))).max() < 20


def test_one_slide_is_a_picture():
    assert imageio.imread(encode_slides(frames(count=1)), index=None).shape == (1, 16, 16, 3)


def test_slides_need_no_imageio(monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio", None)
    assert encode_slides(frames()).startswith(b"GIF89a")
