"""Inputs of a run: planned from paths or arrays, checked by their headers, loaded one by one.

TensorFlow is not imported here: a wrong input is reported before any heavy work.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.io import images
from brgm_tf.io import kspace as kspace_files
from brgm_tf.io.discovery import find_images
from brgm_tf.io.listing import Listing, list_sources
from brgm_tf.io.mask_detection import MaskDetector, parse_detector
from brgm_tf.io.masks import check_mask, load_mask, match_masks
from brgm_tf.io.medical import Geometry, Slicing
from brgm_tf.io.names import make_unique
from brgm_tf.io.origin import Origin, origin_of, path_of
from brgm_tf.io.sources import Header, Source

KINDS = ("measurement", "clean")
_MAX_ZEROS = 0.01  # fraction of the sampled values

Mask = Path | np.ndarray | MaskDetector | InputError


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
class InputRequirements:
    """Properties that inputs must have.

    Args:
        size: Height and width of `LoadedInput.image`.
        resizable: Whether an image of another size is resized. Photographs are; a measurement
            with fewer pixels than the image is not, because its pixels are exact.
        resolution: Resolution of the generator.
        mask_resolution: Resolution of the masked images and of their masks.
        channels: Number of channels, 1 or 3; for k-space the number of coils.
        non_square: 'crop' or 'refuse'.
        sampled: bool [size, size], True where the corruption samples k-space; None for pictures.
    """

    size: int
    resizable: bool
    resolution: int
    mask_resolution: int
    channels: int
    non_square: str = "crop"
    sampled: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class LoadedInput:
    """Arrays of one input.

    Args:
        name: Name of its results.
        image: float32 [size, size, C], or k-space, complex64 [size, size, coils].
        missing: bool [M, M, 1] with M = `InputRequirements.mask_resolution`; None without masks.
        geometry: Place of a medical slice in the patient; None for other sources.
        origin: The files of the image and their state before they were read.
    """

    name: str
    image: np.ndarray
    missing: np.ndarray | None
    geometry: Geometry | None = None
    origin: Origin = dataclasses.field(default_factory=dict)

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
            for all or one for each image; or 'found' or 'found(fill=...)', see
            `mask_detection.find_missing`.
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
    sources = [source for source, _ in named]
    matched: Sequence[Mask | None] = [detector] * len(sources)
    if masks is not None and detector is None:
        paths = [source.name or Path(f"image_{i:05d}") for i, source in enumerate(sources)]
        has_names = all(source.name is not None for source in sources)
        matched = _match_masks(masks, paths, has_names=has_names)
    names = make_unique([name or f"image_{i:05d}" for i, (_, name) in enumerate(named)])
    return [InputSpec(*spec) for spec in zip(names, sources, matched, strict=True)]


def check(spec: InputSpec, *, expected: InputRequirements) -> None:
    """Checks an input by its header, and its mask.

    Raises:
        InputError: the input is unreadable, of a wrong size or out of range, or the mask cannot be
            used or detected.
    """
    header = _check_header(spec, expected=expected)
    aspect = header.width, header.height
    if isinstance(spec.mask, Path):
        version = spec.origin.get("mask_version")
        error = _mask_error(spec.mask, version, aspect, expected.mask_resolution)
        if error is not None:
            raise error
    elif spec.mask is not None:
        _load_mask(spec, aspect=aspect, expected=expected)


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
    _check_header(spec, expected=expected)
    content = spec.source.load(channels=expected.channels)
    if expected.sampled is not None:
        values = _crop_kspace(spec, content.image, expected=expected)
        return LoadedInput(spec.name, values, None, origin=state)
    aspect = content.image.shape[1], content.image.shape[0]
    image = images.fit(content.image, resolution=expected.size, how=expected.non_square)
    missing = _load_mask(spec, aspect=aspect, expected=expected)
    return LoadedInput(spec.name, image, missing, content.geometry, state)


# Planning.


def _check_masks(masks, detector: MaskDetector | None, *, needs_masks: bool, kind: str) -> None:
    if needs_masks and masks is None:
        raise InputError(
            "masks", "must be given for this corruption", remedy="Give a file or folder"
        )
    if masks is not None and not needs_masks:
        raise InputError("masks", "must not be given: the corruption takes none", masks=str(masks))
    if detector and kind != "measurement":
        raise InputError(
            "masks",
            "can be found in damaged pictures only, not in clean ones",
            remedy="Give mask files, or input_kind=measurement",
            masks=masks,
        )


def _match_masks(masks: Any, paths: Sequence[Path], *, has_names: bool) -> Sequence[Mask]:
    if isinstance(masks, str | Path):
        if has_names:
            return match_masks(paths, masks)
        files = find_images(masks, argument="masks")
        if len(files) != 1:
            raise InputError("masks", "must be one file, or bool arrays, for images without names")
        return files * len(paths)
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


# One mask may serve all images.
@functools.lru_cache(maxsize=16)
def _mask_error(
    path: Path, version: object, aspect: tuple[int, int], resolution: int
) -> InputError | None:
    """Returns the error of a mask file in the version that exists now."""
    del version
    try:
        load_mask(path, resolution=resolution, aspect=aspect)
    except InputError as error:
        return error
    return None


def _check_header(spec: InputSpec, *, expected: InputRequirements) -> Header:
    if isinstance(spec.mask, InputError):
        raise spec.mask
    try:
        header = spec.source.header()
    except InputError as error:
        # Errors of a file name the file; errors of an array need the name of the input.
        raise error if spec.source.name is not None else error.at(spec.name) from None
    size = f"{header.width} x {header.height}"
    if expected.sampled is not None:
        _check_kspace_size(spec.name, header, expected=expected)
    elif header.channels not in (None, expected.channels):
        raise InputError(
            "input",
            f"{spec.name} must be an array [h, w, {expected.channels}]",
            shape=tuple(header),
        )
    if expected.non_square == "refuse" and header.width != header.height:
        raise InputError("input", f"{spec.name} must be square", remedy="Crop it", size=size)
    is_picture = expected.sampled is None
    if is_picture and not expected.resizable and min(header[:2]) != expected.size:
        raise InputError(
            "input",
            f"{spec.name} must be {expected.size} x {expected.size} pixels for this corruption",
            remedy="Give another factor, or input_kind=clean to have a whole picture corrupted",
            size=size,
        )
    return header


def _check_kspace_size(name: str, header: Header, *, expected: InputRequirements) -> None:
    if header.channels != expected.channels:
        raise InputError(
            "input",
            f"{name} must be k-space of {expected.channels} coils",
            remedy="Give the sensitivities of its coils: kspace(..., sensitivities='maps.npy')",
            coils=header.channels,
        )
    if not header.height >= header.width >= expected.size:
        raise InputError(
            "input",
            f"{name} must have as many rows as columns, or more, and {expected.size} at least",
            remedy="Give its transpose, or choose a generator of fewer pixels",
            rows=header.height,
            columns=header.width,
        )


# Loading.


def _crop_kspace(spec: InputSpec, values: np.ndarray, *, expected: InputRequirements) -> np.ndarray:
    """Returns complex64 [size, size, coils], measured wherever the corruption samples."""
    values = kspace_files.crop_to_square(values, resolution=expected.size)
    zeros = (values == 0).all(axis=-1)[expected.sampled].mean()
    # Measured values have noise: a zero is very unlikely.
    if zeros > _MAX_ZEROS:
        raise InputError(
            "input",
            f"{spec.name} is 0 at {zeros:.0%} of the places that the corruption samples",
            remedy="Give the pattern that it was measured with, or k-space without gaps",
        )
    return values


def _load_mask(
    spec: InputSpec, *, aspect: tuple[int, int] | None, expected: InputRequirements
) -> np.ndarray | None:
    if spec.mask is None or isinstance(spec.mask, InputError):
        return None
    if isinstance(spec.mask, MaskDetector):
        return _detect_mask(spec, spec.mask, expected=expected)
    if isinstance(spec.mask, np.ndarray):
        return check_mask(spec.mask, resolution=expected.mask_resolution)
    return load_mask(spec.mask, resolution=expected.mask_resolution, aspect=aspect)


def _detect_mask(
    spec: InputSpec, detector: MaskDetector, *, expected: InputRequirements
) -> np.ndarray:
    """Returns the mask detected in the original pixels and colours of the input."""
    if expected.size != expected.mask_resolution:
        raise InputError(
            "masks",
            "can be found only if the measurement has the size of the masked image, "
            f"{expected.mask_resolution} x {expected.mask_resolution} pixels",
            remedy="Give mask files",
            size=expected.size,
        )
    # Three channels for every generator: luma would mix up colours.
    levels = (spec.source.load(channels=3).image + 1.0) * GREY_LEVELS_PER_UNIT
    return detector.detect(levels, resolution=expected.mask_resolution, name=spec.name)
