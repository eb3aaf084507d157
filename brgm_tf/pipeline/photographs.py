"""Photographs of a run: each face becomes an input, and their results go back.

TensorFlow is imported only when faces are looked for.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.traits import create_corruption
from brgm_tf.io import images, output_folder
from brgm_tf.io.inputs import InputSpec
from brgm_tf.io.names import JOINT
from brgm_tf.io.photograph_writing import save_photograph
from brgm_tf.io.photographs import Photograph
from brgm_tf.photographs.alignment import Alignment, square_of
from brgm_tf.photographs.composing import RestoredFace, apply_changes, changes_of
from brgm_tf.photographs.faces import SIZES, FaceSource, known_holes
from brgm_tf.photographs.filling import FilledPicture
from brgm_tf.photographs.landmark_files import read_landmarks
from brgm_tf.photographs.opening import open_photograph

if TYPE_CHECKING:
    from brgm_tf.corruptions.base import Corruption
    from brgm_tf.photographs.mtcnn_networks import Networks

ALIGNMENTS = ("none", "faces")
# The first stage of a corruption of photographs. Its edge may leave the generator's image.
_FIRST = "align(margin=0.03, turn=unknown, zoom=unknown, shift_down=unknown, shift_right=unknown)"


# Corruptions.


def aligned(corruption: str | Corruption) -> str | Corruption:
    """Returns a corruption of photographs: `align` with an unknown place comes first.

    Args:
        corruption: Corruption of the photograph's pixels, or one that begins with `align`.

    Example:
        >>> aligned("align() + noise(scale=5)")
        'align() + noise(scale=5)'
    """
    if not isinstance(corruption, str):
        stages = getattr(corruption, "stages", (corruption,))
        if type(stages[0]).__name__ == "Align":
            return corruption
        return parsing.parse(_FIRST).create() + corruption
    calls = parsing.parse(corruption).calls
    if calls[0].name == "align":
        return corruption
    return _FIRST if corruption.strip() == "none" else f"{_FIRST} + {corruption}"


def for_boxes(corruption: Any, size: int = 0) -> Any:
    """Returns a corruption of photographs for boxes of one size.

    Args:
        corruption: Corruption that begins with `align`.
        size: Pixels of the box along a side; 0 for the resolution of the generator.

    Raises:
        InputError: A later stage changes the number of pixels.
    """
    from brgm_tf.corruptions.base import Chain

    first, *others = getattr(corruption, "stages", (corruption,))
    first = first.for_photographs(size)
    sized = Chain([first, *others]) if others else first
    trial = (SIZES[0], SIZES[0], 3)
    for stage in others:
        if tuple(stage.measurement_shape(trial))[:2] != trial[:2]:
            raise InputError(
                "corruption",
                f"of a photograph must keep the pixels, and {stage!r} does not",
                remedy="Leave the stage out: align measures the face on the photograph's pixels",
            )
        trial = tuple(stage.measurement_shape(trial))
    return sized


# Planning.


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PhotographPlan:
    """A photograph and its faces.

    Args:
        name: Name of its results.
        source: Source of the photograph.
        faces: Specifications of its faces.
    """

    name: str
    source: Any
    faces: tuple[InputSpec, ...]


def check_faces(value: object) -> object:
    """Checks 'all', 'largest', or indices such as '0,2'."""
    if isinstance(value, str):
        words = value.replace(" ", "").split(",")
        if value in ("all", "largest") or all(word.isdecimal() for word in words):
            return value
    raise ValueError("must be all, largest, or indices from the left such as 0,2")


class FaceFinder:
    """Finds the faces of photographs.

    Args:
        faces: 'all', 'largest', or indices from the left such as '0,2'.
        landmarks: Path of a file with landmarks; None to find faces.
    """

    def __init__(self, *, faces: str = "all", landmarks: str | None = None) -> None:
        self._faces, self._landmarks = faces, landmarks
        self._networks: Networks | None = None

    def plan(self, spec: InputSpec) -> PhotographPlan:
        """Returns the faces of a photograph as inputs.

        Raises:
            InputError: The photograph cannot be read, or has no such face.
        """
        squares = self._squares(spec)
        name = str(spec.source.name or spec.name)
        if not squares:
            raise InputError(
                "align",
                "finds no face in the photograph",
                remedy="Give --landmarks=FILE with five points a face, or enlarge the face",
                input=name,
            )
        chosen = self._chosen(squares, name)
        sources = {
            f"{spec.name}{JOINT}face{i}": FaceSource(spec.source, squares[i], spec.mask)
            for i in chosen
        }
        if spec.mask is not None:
            picture = open_photograph(spec.source)
            holes = {face: source.missing(picture) for face, source in sources.items()}
            sources = {face: sources[face] for face, hole in holes.items() if np.any(hole)}
            if not sources:
                raise InputError("masks", "hides no pixel of a face", input=name)
        faces = tuple(InputSpec(face, source, spec.mask) for face, source in sources.items())
        return PhotographPlan(spec.name, spec.source, faces)

    def _squares(self, spec: InputSpec) -> list[Alignment]:
        picture = open_photograph(spec.source)
        if self._landmarks is not None:
            file = spec.source.name
            points = read_landmarks(self._landmarks, file.name if file else spec.name)
            return [square_of(one) for one in points]
        # Imported here, because flags are checked without TensorFlow.
        from brgm_tf.photographs.finding import find_faces
        from brgm_tf.photographs.mtcnn_networks import Networks

        if self._networks is None:
            self._networks = Networks()
        missing = known_holes(spec.mask, picture)
        return find_faces(
            picture if missing is None else FilledPicture(picture, missing), self._networks
        )

    def _chosen(self, squares: Sequence[Alignment], name: str) -> list[int]:
        if self._faces == "all":
            return list(range(len(squares)))
        if self._faces == "largest":
            return [int(np.argmax([square.side for square in squares]))]
        chosen = sorted({int(word) for word in self._faces.split(",")})
        if chosen[-1] >= len(squares):
            raise InputError(
                "faces",
                f"must be indices below {len(squares)}, the number of faces found",
                faces=self._faces,
                input=name,
            )
        return chosen


def arranged(specs: Sequence[InputSpec], batch_size: int) -> list[InputSpec]:
    """Returns the faces of all photographs so that each batch has boxes of one size."""
    others = [spec for spec in specs if not isinstance(spec.source, FaceSource)]
    faces = [spec for spec in specs if isinstance(spec.source, FaceSource)]
    faces.sort(key=lambda spec: spec.source.header().height)
    result = []
    for first in range(0, len(faces), batch_size):
        batch = faces[first : first + batch_size]
        size = max(spec.source.header().height for spec in batch)
        for spec in batch:
            source = dataclasses.replace(spec.source, size=size)  # type: ignore[type-var]
            result.append(dataclasses.replace(spec, source=source))
    return [*result, *others]


# Results.


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RestoredPhotograph:
    """A photograph with its restored faces.

    Args:
        name: Name of the photograph.
        source: Source of the photograph.
        faces: Results of the faces.
        corruption: Corruption that measured the faces.
        is_complete: Whether all faces have results.
    """

    name: str
    source: Any
    faces: tuple[RestoredFace, ...]
    corruption: Any
    is_complete: bool = True

    @property
    def pixels(self) -> np.ndarray:
        """The whole photograph, float32 [H, W, 3] in [-1, 1]."""
        picture = open_photograph(self.source)
        width, height = picture.size
        return apply_changes(picture.box(0, 0, height, width).copy(), self._changes(picture))

    def save(self, folder: Any) -> Path:
        """Writes folder/NAME/restored.*; returns the path of the file.

        Raises:
            InputError: The file cannot be written.
        """
        home = output_folder.check_writable(output_folder.expanded(folder) / self.name)
        path, picture = home / "restored.png", open_photograph(self.source)
        if not isinstance(picture, Photograph):
            images.save_image(path, self.pixels, argument=output_folder.ARGUMENT)
            return path
        changes = [
            (change.top, change.left, change.image, change.weight)
            for change in self._changes(picture)
        ]
        return save_photograph(picture, changes, path, argument=output_folder.ARGUMENT).path

    def _changes(self, picture: Any) -> list[Any]:
        return changes_of(picture, self.faces, self.corruption)

    def __repr__(self) -> str:
        return f"RestoredPhotograph {self.name!r}: {len(self.faces)} faces"


def restored_photograph(
    plan: PhotographPlan, results: Mapping[str, Any], corruption: Any
) -> RestoredPhotograph | None:
    """Returns a photograph with the faces that have results; None if no face has one.

    Args:
        plan: Photograph and its faces.
        results: `ImageResult` of faces by name.
        corruption: Corruption that measured the faces.
    """
    faces = tuple(
        RestoredFace(face.source, results[face.name].reconstruction, results[face.name].metrics)  # type: ignore[arg-type]
        for face in plan.faces
        if face.name in results
    )
    if not faces:
        return None
    complete = len(faces) == len(plan.faces)
    return RestoredPhotograph(plan.name, plan.source, faces, corruption, complete)


def restored_photographs(
    plans: Sequence[PhotographPlan], results: Sequence[Any], corruption: str | Corruption
) -> tuple[RestoredPhotograph, ...]:
    """Returns the photographs with the faces that have results.

    Args:
        plans: Photographs and their faces.
        results: `ImageResult` of each restored face.
        corruption: Corruption that measured the faces.
    """
    if not plans:
        return ()
    by_name, measured = {one.name: one for one in results}, create_corruption(corruption)
    restored = [restored_photograph(plan, by_name, measured) for plan in plans]
    return tuple(one for one in restored if one is not None)


class SavedResult:
    """The saved result of a face.

    Args:
        folder: Folder of its files.
    """

    def __init__(self, folder: Path) -> None:
        self.metrics = json.loads((folder / "metrics.json").read_bytes())
        self.reconstruction = images.load_image(folder / "reconstruction.png", channels=3)


def saved_photograph(
    plan: PhotographPlan, folder: str | Path, corruption: Any
) -> RestoredPhotograph | None:
    """Returns a photograph with the faces whose results are in a folder.

    Args:
        plan: Photograph and its faces.
        folder: Folder of the run.
        corruption: Corruption that measured the faces.
    """
    home = output_folder.expanded(folder)
    done = [face.name for face in plan.faces if (home / face.name / "metrics.json").exists()]
    results = {name: SavedResult(home / name) for name in done}
    return restored_photograph(plan, results, corruption)
