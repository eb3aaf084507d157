"""What is to be restored: paths or arrays, checked by their headers, then loaded one by one.

TensorFlow is not imported here: a wrong input is answered before any heavy work.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io import archives, discovery, images, medical
from brgm_tf.io import kspace as kspace_files
from brgm_tf.io.archives import Packed
from brgm_tf.io.discovery import find_images, unique_names
from brgm_tf.io.kspace import KSpaceSlice
from brgm_tf.io.mask_detection import Found, finder
from brgm_tf.io.masks import check_mask, load_mask, match_masks
from brgm_tf.io.medical import Geometry, Slice, Slicing

KINDS = ("measurement", "clean")
SUFFIXES = (*discovery.SUFFIXES, *medical.SUFFIXES, *archives.SUFFIXES)
_MOST_ZEROS = 0.01  # share of the sampled values


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """One image to restore.

    Args:
        name: of its results.
        image: a path, a picture in an archive, a slice of a medical file, or float [h, w, C] in
            [-1, 1]; of k-space a slice in a file, or complex [H, W, coils].
        mask: a path, or bool [H, W, 1] or [H, W], True = missing; a `holes.Found` to find it
            in the image; None without masks.
    """

    name: str
    image: Path | Packed | Slice | np.ndarray | KSpaceSlice
    mask: Path | np.ndarray | Found | None = None


@dataclasses.dataclass(frozen=True)
class InputRequirements:
    """What an input must be.

    Args:
        size: height and width that `Loaded.image` gets.
        resizable: whether an image of another size is resized to it: a photograph is,
            but not a measurement of fewer pixels than the image, which is exact.
        resolution: of the generator.
        mask_resolution: of the images that are masked: what masks get.
        channels: 1 or 3; of k-space the number of coils.
        non_square: 'crop' or 'refuse'.
        sampled: of k-space, bool [size, size], True = sampled by the corruption; None of pictures.
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
    """A job's arrays: image float32 [size, size, C], missing bool [M, M, 1] or None.

    M is the `Expected.mask_resolution`. Of k-space the image is complex64 [size, size, coils].
    The geometry is where the image's results belong, None but of slices of medical files.
    """

    name: str
    image: np.ndarray
    missing: np.ndarray | None
    geometry: Geometry | None = None


def plan(
    inputs,
    *,
    masks=None,
    needs_masks: bool = False,
    kind: str = "measurement",
    kspace: bool = False,
    slicing: Slicing | None = None,
) -> list[InputSpec]:
    """The jobs of `inputs`: a path, folder, glob or example, an array, or a list of these.

    Args:
        inputs: as said; arrays are [h, w, C] or [N, h, w, C] in [-1, 1]; of k-space complex
            [H, W], [H, W, coils] or [N, H, W, coils].
        masks: a file for all or a folder with one an image; or bool arrays, one for
            all or one an image; or 'found' or 'found(fill=...)', see `holes.find_missing`.
        needs_masks: whether the corruption wants them.
        kind: of the inputs, one of `KINDS`: masks are found in measurements only.
        kspace: whether they are k-space; every slice of a file is a job.
        slicing: which slices of medical volumes are wanted, each of which is a job.

    Raises:
        InputError: nothing is found, or images and masks do not match.
    """
    if needs_masks and masks is None:
        raise InputError(
            "masks", "must be given for this corruption", remedy="Give a file or folder"
        )
    if masks is not None and not needs_masks:
        raise InputError("masks", "must not be given: the corruption takes none", masks=str(masks))
    found = finder(masks)
    if found and kind != "measurement":
        raise InputError(
            "masks",
            "can be found in damaged pictures only, not in clean ones",
            remedy="Give mask files, or input_kind=measurement",
            masks=masks,
        )
    items = _items(inputs, kspace=kspace, slicing=slicing or Slicing())
    if not items:
        raise InputError("input", "must hold at least one image")
    names = unique_names([_name_of(item, place=i) for i, item in enumerate(items)])
    matched = [found] * len(items) if found or masks is None else _masks_of(items, masks)
    return [InputSpec(*spec) for spec in zip(names, items, matched, strict=True)]


def check(spec: InputSpec, *, expected: InputRequirements) -> None:
    """Checks a job: a file's size from its header, an array's size and range, a mask array.

    A mask that is to be found is looked for here already: only the pixels tell.

    Raises:
        InputError: it is unreadable, of a wrong size or out of range, or no mask is found.
    """
    _check_sizes(spec, expected=expected)
    if isinstance(spec.mask, Found):
        _found_mask(spec, expected=expected)


def _check_sizes(spec: InputSpec, *, expected: InputRequirements) -> None:
    if isinstance(spec.mask, np.ndarray):
        check_mask(spec.mask, resolution=expected.mask_resolution)
    if expected.sampled is not None:
        _check_kspace(spec, expected=expected)
        return
    if isinstance(spec.image, np.ndarray):
        if spec.image.ndim != 3 or spec.image.shape[2] != expected.channels:
            raise InputError(
                "input",
                f"must be arrays [h, w, {expected.channels}] in [-1, 1]",
                shape=spec.image.shape,
            )
        # Written so that NaN is refused too.
        if not (spec.image.size and np.abs(spec.image).max() <= 1.001):
            raise InputError("input", f"{spec.name} must hold numbers in [-1, 1]")
        height, width = spec.image.shape[:2]
    elif isinstance(spec.image, Slice):
        spec.image.check_square_pixels()
        height, width = spec.image.shape
    else:
        width, height = images.image_size(spec.image)
    if expected.non_square == "refuse" and width != height:
        raise InputError(
            "input", f"{spec.name} must be square", remedy="Crop it", size=f"{width} x {height}"
        )
    if not expected.resizable and min(width, height) != expected.size:
        raise InputError(
            "input",
            f"{spec.name} must be {expected.size} x {expected.size} pixels for this corruption",
            remedy="Give another factor, or input_kind=clean to have a whole picture corrupted",
            size=f"{width} x {height}",
        )


def load(spec: InputSpec, *, expected: InputRequirements) -> LoadedInput:
    """Loads a job's image and mask.

    Raises:
        InputError: a file cannot be used.
    """
    _check_sizes(spec, expected=expected)
    if expected.sampled is not None:
        return LoadedInput(spec.name, _load_kspace(spec, expected=expected), None)
    image, geometry = _load_picture(spec.image, channels=expected.channels)
    aspect = image.shape[1], image.shape[0]
    image = images.fit(image, resolution=expected.size, how=expected.non_square)
    if isinstance(spec.mask, Found):
        missing = _found_mask(spec, expected=expected)
    else:
        missing = _load_mask(spec.mask, aspect=aspect, expected=expected)
    return LoadedInput(spec.name, image, missing, geometry)


def _load_picture(
    image: Path | Packed | Slice | np.ndarray, *, channels: int
) -> tuple[np.ndarray, Geometry | None]:
    if isinstance(image, np.ndarray):
        return np.asarray(image, "float32"), None
    if isinstance(image, Slice):
        picture, window = image.load()
        return np.repeat(picture, channels, axis=-1), Geometry(image, window)
    return images.load_image(image, channels=channels), None


def _items(
    inputs, *, kspace: bool, slicing: Slicing
) -> list[Path | Packed | Slice | np.ndarray | KSpaceSlice]:
    if isinstance(inputs, str | Path):
        paths = find_images(inputs, suffixes=kspace_files.SUFFIXES if kspace else SUFFIXES)
        return [item for path in paths for item in _items_of(path, kspace=kspace, slicing=slicing)]
    if isinstance(inputs, np.ndarray):
        arrays = list(inputs) if inputs.ndim == 4 else [inputs]
        if not kspace:
            return arrays
        return [kspace_files.checked_values(array, name="input") for array in arrays]
    if not isinstance(inputs, Sequence) or not len(inputs):
        raise InputError("input", "must be a path, an array or a list of these")
    return [item for entry in inputs for item in _items(entry, kspace=kspace, slicing=slicing)]


def _items_of(
    item: Path | Packed, *, kspace: bool, slicing: Slicing
) -> list[Path | Packed | Slice | KSpaceSlice]:
    """What is in a file: itself, its slices, or what it holds or lists."""
    if isinstance(item, Packed):
        return [item]
    if kspace:
        return kspace_files.slices_of(item)
    if archives.is_bundle(item):
        held = archives.pictures_of(item)
        return [one for path in held for one in _items_of(path, kspace=kspace, slicing=slicing)]
    return medical.slices_of(item, slicing) if medical.is_medical(item) else [item]


def _name_of(item, *, place: int) -> Path:
    """What the results of an item would be named by."""
    if isinstance(item, KSpaceSlice | Slice | Packed):
        return item.name
    return item if isinstance(item, Path) else Path(f"image_{place:05d}")


def _check_kspace(spec: InputSpec, *, expected: InputRequirements) -> None:
    """Checks the size of k-space, from its header where it is in a file."""
    height, width, coils = spec.image.shape
    if coils != expected.channels:
        raise InputError(
            "input",
            f"{spec.name} must be k-space of {expected.channels} coils",
            remedy="Give the sensitivities of its coils: kspace(..., sensitivities='maps.npy')",
            coils=coils,
        )
    if not height >= width >= expected.size:
        raise InputError(
            "input",
            f"{spec.name} must have as many rows as columns, or more, and {expected.size} at least",
            remedy="Give its transpose, or choose a generator of fewer pixels",
            rows=height,
            columns=width,
        )
    if expected.non_square == "refuse" and width != height:
        raise InputError(
            "input",
            f"{spec.name} must be square",
            remedy="Cut its field of view",
            size=f"{width} x {height}",
        )


def _load_kspace(spec: InputSpec, *, expected: InputRequirements) -> np.ndarray:
    """Complex64 [size, size, coils], with values where the corruption samples them."""
    values = spec.image.load() if isinstance(spec.image, KSpaceSlice) else spec.image
    values = kspace_files.squared(values, resolution=expected.size)
    nothing = (values == 0).all(axis=-1)[expected.sampled].mean()
    # Measured values have noise, and are 0 by a rare chance alone.
    if nothing > _MOST_ZEROS:
        raise InputError(
            "input",
            f"{spec.name} is 0 at {nothing:.0%} of the places that the corruption samples",
            remedy="Give the pattern that it was measured with, or k-space without gaps",
        )
    return values


def _masks_of(items, masks) -> list[Path | np.ndarray]:
    if isinstance(masks, str | Path):
        if not any(isinstance(item, np.ndarray) for item in items):
            return match_masks([_name_of(item, place=i) for i, item in enumerate(items)], masks)
        found = find_images(masks, argument="masks")
        if len(found) != 1:
            raise InputError("masks", "must be one file, or bool arrays, for images without names")
        return found * len(items)
    masks = np.asarray(masks)
    if masks.dtype != bool:
        raise InputError("masks", "must be bool arrays, True = missing", dtype=str(masks.dtype))
    if masks.ndim == 4 and len(masks) == len(items):
        return list(masks)
    if masks.ndim in (2, 3):
        return [masks] * len(items)
    raise InputError(
        "masks", f"must be one mask or {len(items)}, [H, W, 1] each", shape=masks.shape
    )


def _found_mask(spec: InputSpec, *, expected: InputRequirements) -> np.ndarray:
    """The mask found in the job's picture, in its own pixels and colours."""
    if expected.size != expected.mask_resolution:
        raise InputError(
            "masks",
            "can be found only where the measurement has the size of what is masked, "
            f"{expected.mask_resolution} x {expected.mask_resolution} pixels",
            remedy="Give mask files",
            size=expected.size,
        )
    if isinstance(spec.image, np.ndarray | Slice):
        levels = (_load_picture(spec.image, channels=3)[0] + 1.0) * 127.5
    else:
        # Three channels, whatever the generator has: luma would mix up colours.
        levels = images.load_levels(spec.image, channels=3)
    return spec.mask.mask_of(levels, resolution=expected.mask_resolution, name=spec.name)


def _load_mask(mask, *, aspect, expected: InputRequirements) -> np.ndarray | None:
    if mask is None:
        return None
    if isinstance(mask, np.ndarray):
        return check_mask(mask, resolution=expected.mask_resolution)
    return load_mask(mask, resolution=expected.mask_resolution, aspect=aspect)
