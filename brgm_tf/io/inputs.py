"""Inputs of a run: planned from paths or arrays, checked by their headers, loaded one by one.

TensorFlow is not imported here: a wrong input is reported before any heavy work.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io import images
from brgm_tf.io.input_masks import Mask, check_mask_of, load_mask_of
from brgm_tf.io.listing import Listing, list_sources
from brgm_tf.io.mask_detection import Detector, parse_detector
from brgm_tf.io.mask_matching import match_masks, missing_masks_error
from brgm_tf.io.medical import Geometry, NiftiSlice, Slice, Slicing, share_windows
from brgm_tf.io.names import make_unique
from brgm_tf.io.origin import Origin, origin_of, path_of
from brgm_tf.io.pictures import PictureFrame
from brgm_tf.io.requirements import InputRequirements, check_header, crop_kspace
from brgm_tf.io.sources import Header, PlacedSource, Source

__all__ = [
    "KINDS",
    "InputRequirements",
    "InputSpec",
    "LoadedInput",
    "check",
    "load",
    "plan",
]

KINDS = ("measurement", "clean")


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """One image to restore.

    Args:
        name: Name of its results.
        source: Source of the image.
        mask: Path of a mask; bool [H, W, 1] or [H, W], True = missing; a detector of the mask in
            the image; or the error of an image without its mask. None without masks.
    """

    name: str
    source: Source
    mask: Mask | None = None

    @property
    def origin(self) -> dict[str, str | int]:
        """The files of the image and their state; see `origin.origin_of`."""
        return origin_of(self.source, self.mask)

    @property
    def path(self) -> str:
        """Path of the file; '' for an image in memory."""
        return str(path_of(self.source) or "")


@dataclasses.dataclass(frozen=True)
class LoadedInput:
    """Arrays of one input.

    Args:
        name: Name of its results.
        image: float32 [size, size, C], or k-space, complex64 [size, size, coils].
        missing: bool [M, M, 1] with M = `InputRequirements.mask_resolution`; None without masks.
        geometry: Place of a medical slice in the patient; None for other sources.
        origin: The files of the image and their state before they were read.
        notes: Lines of text that tell the user which properties of the files are not used.
        alignment: Place of the image in its photograph, see `sources.Placement`; None for others.
    """

    name: str
    image: np.ndarray
    missing: np.ndarray | None
    geometry: Geometry | None = None
    origin: Origin = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    alignment: np.ndarray | None = None

    @property
    def key(self) -> str:
        """Name and origin as text, which identify the image."""
        return " ".join([self.name, *map(str, self.origin.values())])


def plan(
    inputs,
    *,
    masks=None,
    needs_masks: bool = False,
    kind: str = "measurement",
    kspace: bool = False,
    slicing: Slicing | None = None,
    output_dir: str | Path | None = None,
) -> list[InputSpec]:
    """Returns one specification for each image in the inputs.

    Args:
        inputs: Path of a file or folder, a glob pattern or an example handle; a PIL image; an
            array or eager tensor [h, w, C] or [N, h, w, C], uint8 in [0, 255] or floats in
            [-1, 1]; for k-space complex [H, W], [H, W, coils] or [N, H, W, coils]; or a list of
            these.
        masks: Path of a file for all images or of a folder with one for each; bool arrays, one
            for all or one for each image; 'found' or 'found(fill=...)', see
            `mask_detection.find_missing`; or 'alpha' for transparent pixels.
        needs_masks: Whether the corruption takes masks.
        kind: Kind of the inputs, one of `KINDS`. Masks are detected in measurements only.
        kspace: Whether the inputs are k-space. Every slice of a file is one image.
        slicing: Selection of slices of medical volumes. Every slice is one image.
        output_dir: Folder of the results, which are never inputs; None for no folder.

    Raises:
        InputError: there is no input, or the masks cannot belong to the images. The error of one
            file among several is raised by `check` and `load`.

    Example:
        >>> [spec.name for spec in plan(["example:astronaut_32", np.zeros((2, 8, 8, 3))])]
        ['astronaut_32', 'image_00001', 'image_00002']
    """
    detector = parse_detector(masks)
    _check_masks(masks, detector, needs_masks=needs_masks, kind=kind)
    listing = Listing(kspace, slicing or Slicing(), output_dir)
    named = list_sources(inputs, listing)
    if not named:
        raise InputError("input", "must hold at least one image")
    sources = share_windows([source for source, _ in named])
    matched: Sequence[Mask | None] = [detector] * len(sources)
    if masks is not None and detector is None:
        paths = [source.name or Path(f"image_{i:05d}") for i, source in enumerate(sources)]
        has_names = all(source.name is not None for source in sources)
        parts = (NiftiSlice, PictureFrame)
        volumes = [one.path if isinstance(one, parts) else None for one in sources]
        matched = _match_masks(masks, paths, volumes=volumes, has_names=has_names)
    names = make_unique([name or f"image_{i:05d}" for i, (_, name) in enumerate(named)])
    return [InputSpec(*spec) for spec in zip(names, sources, matched, strict=True)]


def check(spec: InputSpec, *, expected: InputRequirements) -> None:
    """Checks an input by its header, and its mask.

    k-space and slices of medical files are read already, because their headers do not show gaps,
    values that are not finite, missing decoders and elements that cannot be written.

    Raises:
        InputError: the input is unreadable, of a wrong size or out of range, or the mask cannot be
            used or detected.
    """
    if isinstance(spec.source, PlacedSource):
        return  # It was found in its photograph, which was read.
    header = _check_header(spec, expected=expected)
    if expected.sampled is not None:
        content = spec.source.load(channels=expected.channels)
        crop_kspace(spec.name, content.image, expected=expected)
    elif isinstance(spec.source, Slice):
        spec.source.check_contents()
    check_mask_of(
        spec.source,
        spec.mask,
        name=spec.name,
        version=spec.origin.get("mask_version"),
        aspect=(header.width, header.height),
        expected=expected,
    )


def load(spec: InputSpec, *, expected: InputRequirements) -> LoadedInput:
    """Loads the image and the mask of an input.

    Raises:
        InputError: a file cannot be used.

    Example:
        >>> expected = InputRequirements(8, True, 8, 8, channels=1)
        >>> [spec] = plan(np.full((6, 9, 1), 255, np.uint8))
        >>> load(spec, expected=expected).image.shape
        (8, 8, 1)
    """
    state = spec.origin
    if isinstance(spec.source, PlacedSource):
        image, missing, alignment, notes = spec.source.place(channels=expected.channels)
        return LoadedInput(
            spec.name, image, missing, origin=state, notes=notes, alignment=alignment
        )
    _check_header(spec, expected=expected)
    content = spec.source.load(channels=expected.channels)
    if expected.sampled is not None:
        values = crop_kspace(spec.name, content.image, expected=expected)
        return LoadedInput(spec.name, values, None, origin=state)
    aspect = content.image.shape[1], content.image.shape[0]
    image = images.fit(content.image, resolution=expected.size, how=expected.non_square)
    missing, notes = load_mask_of(
        spec.source, spec.mask, name=spec.name, aspect=aspect, expected=expected
    )
    notes = (*content.notes, *notes)
    return LoadedInput(spec.name, image, missing, content.geometry, state, notes)


# Planning.


def _check_masks(masks, detector: Detector | None, *, needs_masks: bool, kind: str) -> None:
    if needs_masks and masks is None:
        raise missing_masks_error()
    if masks is not None and not needs_masks:
        raise InputError("masks", "must not be given: the corruption takes none", masks=str(masks))
    if detector and kind != "measurement":
        raise InputError(
            "masks",
            "can be found in damaged pictures only, not in clean ones",
            remedy="Give mask files, or input_kind=measurement",
            masks=masks,
        )


def _match_masks(
    masks: Any, paths: Sequence[Path], *, volumes: Sequence[Path | None], has_names: bool
) -> Sequence[Mask]:
    if isinstance(masks, str | Path):
        return match_masks(paths, masks, volumes=volumes, has_names=has_names)
    masks = np.asarray(masks)
    if masks.dtype != bool:
        raise InputError("masks", "must be bool arrays, True = missing", dtype=str(masks.dtype))
    if masks.ndim == 4 and len(masks) == len(paths):
        return list(masks)
    if masks.ndim in (2, 3):
        return [masks] * len(paths)
    raise InputError(
        "masks", f"must be one mask or {len(paths)}, [H, W, 1] each", shape=masks.shape
    )


# Checking.


def _check_header(spec: InputSpec, *, expected: InputRequirements) -> Header:
    if isinstance(spec.mask, InputError):
        raise spec.mask
    try:
        header = spec.source.header()
    except InputError as error:
        # Errors of a file name the file; errors of an array need the name of the input.
        raise error if spec.source.name is not None else error.at(spec.name) from None
    check_header(spec.name, header, expected=expected)
    return header
