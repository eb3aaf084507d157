"""The result of a volume, and its files."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.io import output_folder
from brgm_tf.io.medical.volumes import Volume
from brgm_tf.reporting import tables
from brgm_tf.reporting.results import metrics_line
from brgm_tf.reporting.video import encode_slides, encode_video

METRICS_NAME = "metrics.json"
_MILLISECONDS = 100  # of a slice in the scroll


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class VolumeResult:
    """The result of a volume; volumes are float32 [S, H, W] in [-1, 1].

    Attributes:
        name: Name of the volume, and of the folder of its files.
        before: Measurement at the nearest voxels of the reconstruction.
        reconstruction: The generator's slices; empty slices and voxels outside of the generator's
            square are copies from the file.
        merged: Observed voxels, with the reconstruction in the others; for thick slices, the
            reconstruction and the misfit of the measured slices, interpolated; else None.
        truth: Volume before its corruption, NaN where it is unknown; None if it is unknown.
        values: Volumes in the unit of the file, by name: 'reconstruction' and 'merged'.
        spacing: Millimetres between slices, rows and columns.
        volume: Volume of the file, with its geometry.
        latents: float32 [n, L, D], the latents of the restored slices.
        restored: Indices [n] of the restored slices.
        history: Terms of the loss by name, each [steps].
        metrics: Metrics by name.
        warnings: Lines of text for the user.
        seconds: Duration of the restoration.
        complete: Whether every step was done.

    Example:
        >>> from brgm_tf.io.medical.volumes import Grid
        >>> x = np.zeros((2, 3, 4), "float32")
        >>> volume = Volume("head", Grid(x.T, np.eye(4), np.dtype("float32")))
        >>> VolumeResult("head", x, x, volume=volume, metrics={"residual": 2.5})
        VolumeResult 'head': 2 slices of 3 x 4
          residual 2.5
    """

    name: str
    before: np.ndarray
    reconstruction: np.ndarray
    volume: Volume
    merged: np.ndarray | None = None
    truth: np.ndarray | None = None
    values: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    latents: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 0, 0)))
    restored: tuple[int, ...] = ()
    history: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    complete: bool = True

    @property
    def shown(self) -> np.ndarray:
        """The merged volume, or else the reconstruction."""
        return self.reconstruction if self.merged is None else self.merged

    def plot(self) -> Any:
        """Returns a `matplotlib.figure.Figure` of three planes before and after."""
        from brgm_tf.reporting.figures.volume import draw_volume

        return draw_volume(self)

    def save(self, folder: Any, *, save_video: str | None = None) -> Path:
        """Writes the files of the volume into folder/NAME; returns that folder.

        The files are reconstruction.nii.gz, merged.nii.gz if there is a merged volume,
        latents.npz, history.csv, figure.png, scroll.gif and metrics.json, which comes last.

        Args:
            folder: Path of a folder; created if needed.
            save_video: 'mp4' to write scroll.mp4 instead of scroll.gif.

        Raises:
            InputError: A file cannot be written.
        """
        from brgm_tf.reporting.figures.page import encode_png
        from brgm_tf.reporting.figures.volume import draw_volume

        home = output_folder.check_writable(output_folder.expanded(folder) / self.name)
        output_folder.remove(home / METRICS_NAME)
        latents = io.BytesIO()
        np.savez(latents, ws=np.asarray(self.latents, np.float32))
        contents = {"latents.npz": latents.getvalue()}
        for part, values in self.values.items():
            contents[f"{part}.nii.gz"] = self.volume.encode(values, part=part)
        steps = zip(*(np.asarray(v, np.float64) for v in self.history.values()), strict=True)
        rows = ([step, *terms] for step, terms in enumerate(steps))
        contents["history.csv"] = tables.csv_text(["step", *self.history], rows)
        contents["figure.png"] = encode_png(draw_volume, self)  # type: ignore[arg-type]
        suffix = save_video or "gif"
        contents[f"scroll.{suffix}"] = self._scroll(suffix)
        for name, content in contents.items():
            output_folder.write(home / name, content)
        output_folder.write(home / METRICS_NAME, self._metrics_json())
        return home

    def _scroll(self, suffix: str) -> bytes:
        """Returns a video of the slices before and after, side by side."""
        pair = np.concatenate([self.before, self.shown], axis=2)[..., None]
        if suffix == "gif":
            return encode_slides(list(pair), milliseconds=_MILLISECONDS)
        return encode_video(list(pair), format=suffix)

    def _metrics_json(self) -> bytes:
        contents: dict[str, object] = {"image": self.name}
        finite = {n: float(v) if np.isfinite(v) else None for n, v in self.metrics.items()}
        contents |= dict(sorted(finite.items()))
        contents |= {"slices": len(self.reconstruction), "restored_slices": len(self.restored)}
        contents |= {"spacing": list(self.spacing), "seconds": round(self.seconds, 1)}
        contents |= {"warnings": list(self.warnings), "complete": self.complete}
        return output_folder.encoded(json.dumps(contents, indent=2, allow_nan=False) + "\n")

    def _repr_png_(self) -> bytes:
        from brgm_tf.reporting.figures.page import encode_png

        return encode_png(VolumeResult.plot, self)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        count, height, width = self.reconstruction.shape
        lines = [f"VolumeResult {self.name!r}: {count} slices of {height} x {width}"]
        metrics = metrics_line(self.metrics)
        lines += [f"  {metrics}"] if metrics else []
        return "\n".join([*lines, *(f"  warning: {line}" for line in self.warnings)])
