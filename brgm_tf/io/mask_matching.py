"""Mask files of images, matched by name."""

from __future__ import annotations

import collections
import os
from collections.abc import Sequence
from pathlib import Path

from brgm_tf.core.errors import InputError
from brgm_tf.io import discovery, medical
from brgm_tf.io.discovery import expand_user, find_images
from brgm_tf.io.masks import check_mask_file
from brgm_tf.io.medical import is_nifti

_SUFFIXES = (*discovery.SUFFIXES, *medical.NIFTI_SUFFIXES)


def match_masks(
    image_paths: Sequence[Path],
    spec: str | os.PathLike,
    *,
    volumes: Sequence[Path | None] | None = None,
    has_names: bool = True,
    argument: str = "masks",
) -> list[Path | InputError]:
    """Returns one mask file for each image, or the error of an image.

    Args:
        image_paths: Paths of the images.
        spec: Path of one file for all images; a folder or glob pattern with a mask for each
            image, matched by the stem of the file; or 'example:NAME'. If two masks have the stem
            of an image, the mask with its full file name is taken. A NIfTI volume is the mask of
            all slices of the volume with its stem, and a picture the mask of all pages of the
            stack with its stem.
        volumes: Volume or stack that holds each image; None for other images.
        has_names: Whether the paths are names of files; otherwise one mask serves all images.
        argument: Name of the user's argument, for errors.

    Returns:
        In the order of the images: the path of the mask, or an error if the image has no mask or
        more than one.

    Raises:
        InputError: there is no mask, or the one mask for all images cannot be used.
    """
    masks = find_images(spec, argument=argument, suffixes=_SUFFIXES)
    if not has_names and len(masks) != 1:
        raise InputError(argument, "must be one file, or bool arrays, for images without names")
    if len(masks) == 1 and not (has_names and os.path.isdir(expand_user(spec))):
        _check_file(masks[0], argument=argument)
        return [masks[0]] * len(image_paths)
    by_stem: dict[str, list[Path]] = collections.defaultdict(list)
    masks_of_volumes: dict[str, list[Path]] = collections.defaultdict(list)
    for mask in masks:
        (masks_of_volumes if is_nifti(mask) else by_stem)[_stem(mask)].append(mask)
    matched: list[Path | InputError] = []
    for image, volume in zip(image_paths, volumes or [None] * len(image_paths), strict=True):
        candidates, owner = by_stem.get(image.stem, []), image
        if not candidates and volume is not None:
            masks_of_parts = masks_of_volumes if is_nifti(volume) else by_stem
            candidates, owner = masks_of_parts.get(_stem(volume), []), volume
        matched.append(_choose(candidates, owner, spec=spec, argument=argument))
    return matched


def _stem(path: Path) -> str:
    """Returns the name of a file without its suffix; '.nii.gz' is one."""
    name = path.name
    return name[:-7] if name.lower().endswith(".nii.gz") else path.stem


def _check_file(path: Path, *, argument: str) -> None:
    """Checks a mask that serves all images; a volume is checked with each slice."""
    if not is_nifti(path):
        check_mask_file(path, argument=argument)


def _choose(
    masks: Sequence[Path], image: Path, *, spec: str | os.PathLike, argument: str
) -> Path | InputError:
    """Returns the mask of an image from the masks with its stem, or the error of the image."""
    if len(masks) > 1:
        masks = [mask for mask in masks if mask.name == image.name] or masks
    if len(masks) != 1:
        return InputError(
            argument,
            f"must hold one mask for every image, with the image's name; for '{image.name}' "
            f"there are {len(masks)}",
            remedy=f"Put one file such as {_stem(image)}.png there, or give a single mask file",
            **{argument: os.fspath(spec)},
        )
    return masks[0]


def check_masks(spec: str | os.PathLike | None, *, argument: str = "masks") -> None:
    """Checks that mask files exist, and that a single file for all images can be used.

    Args:
        spec: Path of a file, a folder, a pattern or an example, as in `match_masks`.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: there is no mask, or the single mask cannot be used.
    """
    if spec is None:
        raise missing_masks_error(argument=argument)
    masks = find_images(spec, argument=argument, suffixes=_SUFFIXES)
    if len(masks) == 1 and not os.path.isdir(expand_user(spec)):
        _check_file(masks[0], argument=argument)


def missing_masks_error(*, argument: str = "masks") -> InputError:
    """Returns the error for a corruption that takes masks without one."""
    return InputError(argument, "must be given for this corruption", remedy="Give a file or folder")
