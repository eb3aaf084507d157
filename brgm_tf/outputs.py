"""What a run leaves behind: pictures, latents, tables, a figure and a video per image.

Every file is written whole or not at all, and equal results give equal bytes; the time a
run took, which is never the same twice, stands in metrics.csv alone. Matplotlib and
imageio are imported inside the functions that need them.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import secrets
import textwrap
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from brgm_tf import images
from brgm_tf.errors import InputError

VIDEO_FORMATS = ("mp4", "gif")
FRAMES_PER_SECOND = 10
# The first columns of metrics.csv; other metrics follow them, sorted by name.
COLUMNS = ("image", "psnr", "ssim", "mae", "rmse", "lpips", "seconds", "residual")

_FOLDER_ARGUMENT = "output_dir"

# The figure's geometry in inches; with the resolution it is 1600 pixels wide.
_DOTS_PER_INCH = 200
_WIDTH, _MARGIN, _GAP = 8.0, 0.08, 0.06
_TITLE_HEIGHT, _LINE_HEIGHT = 0.21, 0.155
_TITLE_POINTS, _CAPTION_POINTS = 8.5, 7.5
_INK, _FADED_INK, _WARNING_INK = "#222222", "#777777", "#a34700"
_CHARACTERS_PER_LINE = 112
_LONGEST_NAME = 40
_CAPTION = (
    ("residual", "residual {:.2f} grey levels"),
    ("lpips", "LPIPS {:.4f}"),
    ("rmse", "RMSE {:.2f}"),
    ("psnr", "PSNR {:.2f} dB"),
)


@dataclasses.dataclass(frozen=True, eq=False)
class ImageResult:
    """All that is known of one restored image; images are float32 in [-1, 1].

    Attributes:
        name: the image's name, which its folder gets.
        measurement: [h, w, C], as given; for super-resolution smaller than the image.
        reconstruction: [H, W, C], the generator's image.
        recorrupted: [h, w, C], the reconstruction corrupted again.
        merged: [H, W, C], the reconstruction with the known pixels kept, or None.
        truth: [H, W, C], the image before its corruption, or None if unknown.
        missing: bool [H, W, 1], True = missing, or None.
        latents: float32 [L, D], the latents `ws` of the reconstruction.
        history: terms of the loss by name, 'total' among them, each float64 [steps].
        metrics: figures of the reconstruction by name; NaN where one is unknown.
        seconds: time that the restoration took.
        warnings: what the user should know of this image, a line each.
        frames: images [h', w', C] of the video, or None.
    """

    name: str
    measurement: np.ndarray
    reconstruction: np.ndarray
    recorrupted: np.ndarray
    merged: np.ndarray | None
    truth: np.ndarray | None
    missing: np.ndarray | None
    latents: np.ndarray
    history: dict[str, np.ndarray]
    metrics: dict[str, float]
    seconds: float
    warnings: tuple[str, ...] = ()
    frames: tuple[np.ndarray, ...] | None = None


# Checks before heavy work.


def check_writable(folder: str | os.PathLike, *, argument: str = _FOLDER_ARGUMENT) -> Path:
    """Creates a folder, with its parents, and proves that files can be written to it.

    Args:
        folder: the folder; '~' is the user's home.
        argument: name of the user's argument, for errors.

    Returns:
        The folder.

    Raises:
        InputError: it cannot be created or written to, or is a file.
    """
    path = _folder(folder)
    try:
        if not os.fspath(folder):
            raise ValueError("the name is empty")
        path.mkdir(parents=True, exist_ok=True)
        probe = _temporary(path / "probe")
        probe.touch()
        probe.unlink()
    # ValueError: a name with a null character, or an empty one.
    except (OSError, ValueError) as error:
        raise _unwritable(folder, error, argument=argument) from None
    return path


def check_video(save_video: str | None) -> None:
    """Proves that videos of a format can be written.

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
    # RuntimeError: the plugin is there, but the ffmpeg program is not.
    except (ImportError, RuntimeError) as error:
        raise InputError(
            "save_video",
            f"needs imageio with its ffmpeg plugin to write {save_video}",
            remedy="Install them with: pip install 'imageio[ffmpeg]'",
            save_video=save_video,
            reason=str(error),
        ) from None


# One image.


def save_image_result(
    folder: str | os.PathLike, result: ImageResult, *, save_video: str | None = None
) -> list[Path]:
    """Writes the files of one image into folder/NAME.

    They are measurement.png, reconstruction.png, recorrupted.png, merged.png and
    truth.png (where there are such images), latents.npz (array `ws`), history.csv,
    metrics.json, figure.png and video.mp4 or video.gif (where there are frames). Of an
    earlier run of the same name, optional files that this one does not write are removed.
    A pixel that is NaN is written as mid-grey, with a warning in metrics.json.

    Args:
        folder: the run's folder; created if need be.
        result: the image.
        save_video: 'mp4', 'gif' or None for no video.

    Returns:
        The files written.

    Raises:
        InputError: a file cannot be written, the name is no name of a folder, or
            `save_video` cannot be met (nothing is written then).
    """
    check_video(save_video)
    _check_name(result.name)
    home = check_writable(_folder(folder) / result.name)
    written = [
        *_save_pictures(home, result),
        _write(home / "latents.npz", _npz(ws=np.asarray(result.latents, np.float32))),
        _write(home / "history.csv", _history_csv(result.history)),
        _write(home / "metrics.json", _metrics_json(result)),
        _write(home / "figure.png", _figure_png(result)),
    ]
    if save_video is not None and result.frames:
        video = _video(result.frames, format=save_video)
        written.append(_write(home / f"video.{save_video}", video))
    _remove_stale(home, written)
    return written


def _check_name(name: str) -> None:
    if not name or name in (".", "..") or {"/", "\\", "\0"} & set(name):
        raise InputError("name", "must be the name of a folder, without a path", name=name)


def _save_pictures(home: Path, result: ImageResult) -> list[Path]:
    written = []
    for part in ("measurement", "reconstruction", "recorrupted", "merged", "truth"):
        image = getattr(result, part)
        if image is not None:
            path = home / f"{part}.png"
            images.save_image(path, _finite(image), argument=_FOLDER_ARGUMENT)
            written.append(path)
    return written


def _remove_stale(home: Path, written: Sequence[Path]) -> None:
    """An earlier run's truth beside this run's reconstruction would mislead."""
    optional = ["merged.png", "truth.png", *(f"video.{name}" for name in VIDEO_FORMATS)]
    try:
        for path in (home / name for name in optional):
            if path not in written:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(home, error) from None


def _finite(image) -> np.ndarray:
    return np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=1.0, neginf=-1.0)


def _warnings(result: ImageResult) -> list[str]:
    pixels = np.isfinite(np.asarray(result.reconstruction)).all(axis=-1)
    if pixels.all():
        return list(result.warnings)
    lost = f"{np.sum(~pixels)} pixels of the reconstruction are not finite"
    return [*result.warnings, lost]


def _npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    # NumPy dates the members of its archives 1980, so equal arrays give equal bytes.
    np.savez(file, **arrays)
    return file.getvalue()


def _history_csv(history: Mapping[str, np.ndarray]) -> bytes:
    columns = [np.asarray(values, np.float64) for values in history.values()]
    steps = zip(*columns, strict=True)
    return _csv(["step", *history], ([step, *terms] for step, terms in enumerate(steps)))


def _metrics_json(result: ImageResult) -> bytes:
    found = {name: _finite_or_none(result.metrics[name]) for name in sorted(result.metrics)}
    contents = {"image": result.name, **found, "warnings": _warnings(result)}
    return _encoded(json.dumps(contents, indent=2, allow_nan=False) + "\n")


def _finite_or_none(value) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


# The figure.


def figure(result: ImageResult):
    """Draws measurement, reconstruction, merged image, re-corruption and truth in a row.

    Images smaller than the reconstruction are enlarged by the nearest pixel. The caption
    gives the residual, the metrics that are known, and the warnings.

    Args:
        result: the image.

    Returns:
        A `matplotlib.figure.Figure`, 1600 pixels wide at its own resolution.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    panels = _panels(result)
    notes = _wrapped(_warnings(result))
    height, width = np.shape(result.reconstruction)[:2]
    panel_width = (_WIDTH - 2 * _MARGIN - (len(panels) - 1) * _GAP) / len(panels)
    panel_height = panel_width * height / width
    bottom = _MARGIN + _LINE_HEIGHT * (1 + len(notes)) + 0.02
    total = bottom + panel_height + _TITLE_HEIGHT + _MARGIN / 2
    # A user's own style would make equal results differ.
    with style.context({}, after_reset=True):
        drawn = Figure(figsize=(_WIDTH, total), dpi=_DOTS_PER_INCH, facecolor="white")
        for index, (title, image) in enumerate(panels):
            left = _MARGIN + index * (panel_width + _GAP)
            box = (left / _WIDTH, bottom / total, panel_width / _WIDTH, panel_height / total)
            axes = drawn.add_axes(box)
            _draw_panel(axes, image, title=title, enlarged=len(image) < height)
        _draw_caption(drawn, result, notes=notes, top=bottom - 0.05, total=total)
    return drawn


def _panels(result: ImageResult) -> list[tuple[str, np.ndarray]]:
    shown = [
        (_with_size("Measurement", result.measurement, result), result.measurement),
        ("Reconstruction", result.reconstruction),
        ("Known pixels kept", result.merged),
        (_with_size("Re-corrupted", result.recorrupted, result), result.recorrupted),
        ("Truth", result.truth),
    ]
    return [(title, image) for title, image in shown if image is not None]


def _with_size(title: str, image: np.ndarray, result: ImageResult) -> str:
    height, width = np.shape(image)[:2]
    same = (height, width) == np.shape(result.reconstruction)[:2]
    return title if same else f"{title} ({width} x {height})"


def _draw_panel(axes, image: np.ndarray, *, title: str, enlarged: bool) -> None:
    levels = images.to_uint8(_finite(image))
    axes.imshow(
        levels[..., 0] if levels.shape[-1] == 1 else levels,
        cmap="gray",
        vmin=0,
        vmax=255,
        interpolation="nearest" if enlarged else "auto",
    )
    axes.set_axis_off()
    axes.set_title(title, fontsize=_TITLE_POINTS, color=_INK, pad=3)


def _draw_caption(drawn, result: ImageResult, *, notes, top: float, total: float) -> None:
    def line(text, *, number=0, x=_MARGIN, **options):
        y = top - number * _LINE_HEIGHT
        drawn.text(
            x / _WIDTH,
            y / total,
            text,
            fontsize=_CAPTION_POINTS,
            va="top",
            # A dollar sign in a file name is no formula.
            parse_math=False,
            **options,
        )

    line(_metrics_line(result.metrics), color=_INK)
    line(_shortened(result.name), x=_WIDTH - _MARGIN, ha="right", color=_FADED_INK)
    for number, note in enumerate(notes, start=1):
        line(note, number=number, color=_WARNING_INK)


def _metrics_line(metrics: Mapping[str, float]) -> str:
    known = [
        form.format(metrics[name])
        for name, form in _CAPTION
        if metrics.get(name) is not None and not math.isnan(metrics[name])
    ]
    return "   \N{MIDDLE DOT}   ".join(known)


def _wrapped(lines: Iterable[str]) -> list[str]:
    wrapped = []
    for text in lines:
        wrapped += textwrap.wrap(text, _CHARACTERS_PER_LINE, subsequent_indent="  ")
    return wrapped


def _shortened(name: str) -> str:
    # Bytes of a file name that are no text cannot be drawn.
    name = name.encode("utf-8", "replace").decode("utf-8")
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."


def _figure_png(result: ImageResult) -> bytes:
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = io.BytesIO()
    # Drawing a name in a script that the font lacks warns; the figure is still of use.
    with style.context({}, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        canvas = FigureCanvasAgg(figure(result))
        canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()


# The video.


def _video(frames: Sequence[np.ndarray], *, format: str) -> bytes:
    from imageio import v3 as imageio

    levels = np.stack([images.to_uint8(_finite(frame)) for frame in frames])
    try:
        if format == "gif":
            # Grey frames keep their exact levels in a palette of 256.
            levels = levels[..., 0] if levels.shape[-1] == 1 else levels
            return imageio.imwrite(
                "<bytes>",
                levels,
                extension=".gif",
                plugin="pillow",
                is_batch=True,
                duration=1000 // FRAMES_PER_SECOND,
                loop=0,
            )
        return imageio.imwrite(
            "<bytes>",
            _for_h264(levels),
            extension=".mp4",
            plugin="FFMPEG",
            fps=FRAMES_PER_SECOND,
            codec="libx264",
            quality=8,
            macro_block_size=1,
            # x264's result depends on the number of threads, the rest is ffmpeg's version.
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
    """Returns RGB frames of even sides, which the common 4:2:0 colour format demands."""
    height, width, channels = levels.shape[1:]
    levels = np.repeat(levels, 3, axis=-1) if channels == 1 else levels
    return np.pad(levels, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")


# The run.


def metrics_row(result: ImageResult) -> dict[str, object]:
    """Returns an image's row of metrics.csv: its name, seconds and metrics."""
    return {"image": result.name, "seconds": result.seconds, **result.metrics}


def save_metrics_csv(folder: str | os.PathLike, rows: Sequence[Mapping[str, object]]) -> Path:
    """Writes metrics.csv, one row per image.

    The columns are image, psnr, ssim, mae, rmse, lpips, seconds, residual, then whatever
    else the rows hold, sorted by name. What is unknown (absent, None or NaN) is an empty
    cell; the PSNR of equal images is inf.

    Args:
        folder: the run's folder.
        rows: a mapping per image from column to value, as `metrics_row` returns.

    Returns:
        The file.

    Raises:
        InputError: the file cannot be written.
    """
    others = sorted({name for row in rows for name in row} - set(COLUMNS))
    header = [*COLUMNS, *others]
    table = _csv(header, ([row.get(name) for name in header] for row in rows))
    return _write(_folder(folder) / "metrics.csv", table)


def save_flags(folder: str | os.PathLike, text: str) -> Path:
    """Writes flags.cfg, the flags with which the run can be repeated.

    Args:
        folder: the run's folder.
        text: the file's contents.

    Returns:
        The file.

    Raises:
        InputError: the file cannot be written.
    """
    return _write(_folder(folder) / "flags.cfg", _encoded(text))


# Files.


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return _encoded(file.getvalue())


def _cell(value: object) -> object:
    if isinstance(value, (str, int)):
        return value
    if value is None or math.isnan(value):
        return ""
    # A Python float is written with the digits that give it back exactly.
    return float(value)


def _encoded(text: str) -> bytes:
    # File names may hold bytes that are no text; they come out as they came in.
    return text.encode("utf-8", "surrogateescape")


def _folder(folder: str | os.PathLike) -> Path:
    return Path(os.path.expanduser(folder))


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def _write(path: Path, contents: bytes) -> Path:
    # In the same folder, for os.replace is atomic only within a file system.
    temporary = _temporary(path)
    try:
        try:
            temporary.write_bytes(contents)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from None
    return path


def _unwritable(path, error: Exception, *, argument: str = _FOLDER_ARGUMENT) -> InputError:
    return InputError(
        argument,
        "must be a folder that can be written to",
        remedy="Give another folder",
        path=os.fspath(path),
        reason=str(error),
    )
