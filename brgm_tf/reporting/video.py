"""Videos of an optimization, and slide shows of samples.

Videos need imageio, which is imported by the functions that use it; slide shows do not.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import images
from brgm_tf.reporting.pixels import drawable

VIDEO_FORMATS = ("mp4", "gif")
FRAMES_PER_SECOND = 10
# The last frame is shown for as long as this many frames, before the video repeats.
FRAMES_AT_END = 15
MILLISECONDS_PER_SLIDE = 500


def check_video(save_video: str | None) -> None:
    """Checks that videos of a format can be written.

    Args:
        save_video: 'mp4', 'gif' or None for no video.

    Raises:
        InputError: the format is unknown, or imageio or its ffmpeg plugin is missing.
    """
    if save_video is None:
        return
    if save_video not in VIDEO_FORMATS:
        raise InputError("save_video", "must be 'mp4', 'gif' or None", save_video=save_video)
    try:
        import imageio.v3  # noqa: F401

        if save_video == "mp4":
            import imageio_ffmpeg

            imageio_ffmpeg.get_ffmpeg_exe()
    # RuntimeError: the plugin is installed without the ffmpeg program.
    except (ImportError, RuntimeError) as error:
        raise InputError(
            "save_video",
            f"needs imageio with its ffmpeg plugin to write {save_video}",
            remedy="Install them with: pip install 'imageio[ffmpeg]'",
            save_video=save_video,
            reason=str(error),
        ) from None


def encode_video(frames: Sequence[np.ndarray], *, format: str) -> bytes:
    """Returns the contents of a video file; the last frame stays for a while.

    Args:
        frames: images [h, w, C] in [-1, 1], all of the same shape.
        format: 'mp4' or 'gif'.

    Raises:
        InputError: this machine cannot encode the video.
    """
    from imageio import v3 as imageio

    levels = np.stack([images.to_uint8(drawable(frame)) for frame in frames])
    try:
        if format == "gif":
            # Grey frames keep their exact levels in a palette of 256.
            levels = levels[..., 0] if levels.shape[-1] == 1 else levels
            milliseconds = np.full(len(levels), 1000 // FRAMES_PER_SECOND)
            milliseconds[-1] *= FRAMES_AT_END
            return imageio.imwrite(
                "<bytes>",
                levels,
                extension=".gif",
                plugin="pillow",
                is_batch=True,
                duration=milliseconds.tolist(),
                loop=0,
            )
        levels = np.concatenate([levels, *[levels[-1:]] * (FRAMES_AT_END - 1)])
        return imageio.imwrite(
            "<bytes>",
            _for_h264(levels),
            extension=".mp4",
            plugin="FFMPEG",
            fps=FRAMES_PER_SECOND,
            codec="libx264",
            quality=8,
            macro_block_size=1,
            # The bytes depend on the number of threads, and the other options leave out versions.
            output_params=["-threads", "2", "-fflags", "+bitexact", "-flags:v", "+bitexact"],
        )
    except OSError as error:
        raise InputError(
            "save_video",
            f"needs a working ffmpeg and room for temporary files to write {format}",
            save_video=format,
            reason=str(error).strip().splitlines()[-1] if str(error).strip() else "",
        ) from None


def _for_h264(levels: np.ndarray) -> np.ndarray:
    """Returns RGB frames with even sides, which the common 4:2:0 colour format needs."""
    height, width, channels = levels.shape[1:]
    levels = np.repeat(levels, 3, axis=-1) if channels == 1 else levels
    return np.pad(levels, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def encode_slides(
    slides: Sequence[np.ndarray], *, milliseconds: int = MILLISECONDS_PER_SLIDE
) -> bytes:
    """Returns a GIF that shows images one after the other.

    Grey images keep their exact levels. Colours come from one palette of 256 for all slides,
    without dithering, so equal pixels do not flicker.

    Args:
        slides: images [h, w, C] in [-1, 1], all of the same shape.
        milliseconds: duration of each image, by default half a second.
    """
    levels = np.stack([images.to_uint8(drawable(slide)) for slide in slides])
    count, height, width, channels = levels.shape
    stacked = levels.reshape(count * height, width, channels)
    if channels == 1:
        tower = Image.fromarray(stacked[..., 0])
    else:
        tower = Image.fromarray(stacked).quantize(256, dither=Image.Dither.NONE)
    first, *others = (
        tower.crop((0, index * height, width, (index + 1) * height)) for index in range(count)
    )
    file = io.BytesIO()
    first.save(
        file,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=milliseconds,
        loop=0,
    )
    return file.getvalue()
