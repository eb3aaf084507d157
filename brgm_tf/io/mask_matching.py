"""Mask files of images, matched by name."""

from __future__ import annotations

import collections
import os
from collections.abc import Sequence
from pathlib import Path

from brgm_tf.core.errors import InputError
from brgm_tf.io.discovery import expand_user, find_images
from brgm_tf.io.masks import check_mask_file


def match_masks(
    image_paths: Sequence[Path],
    spec: str | os.PathLike,
    *,
    has_names: bool = True,
    argument: str = "masks",
) -> list[Path]:
    """Returns one mask file for each image.

    Args:
        image_paths: Paths of the images.
        spec: Path of one file for all images; a folder or glob pattern with a mask for each
            image, matched by the stem of the file; or 'example:NAME'. If two masks have the stem
            of an image, the mask with its full file name is taken.
        has_names: Whether the paths are names of files; otherwise one mask serves all images.
        argument: Name of the user's argument, for errors.

    Returns:
        Paths in the order of the images.

    Raises:
        InputError: an image has no mask, or more than one, or the one mask for all images cannot
            be used.
    """
    masks = find_images(spec, argument=argument)
    if not has_names and len(masks) != 1:
        raise InputError(argument, "must be one file, or bool arrays, for images without names")
    if len(masks) == 1 and not (has_names and os.path.isdir(expand_user(spec))):
        check_mask_file(masks[0], argument=argument)
        return masks * len(image_paths)
    by_stem: dict[str, list[Path]] = collections.defaultdict(list)
    for mask in masks:
        by_stem[mask.stem].append(mask)
    return [
        _choose(by_stem.get(image.stem, []), image, spec=spec, argument=argument)
        for image in image_paths
    ]


def _choose(masks: Sequence[Path], image: Path, *, spec: str | os.PathLike, argument: str) -> Path:
    """Returns the mask of an image from the masks with its stem."""
    if len(masks) > 1:
        masks = [mask for mask in masks if mask.name == image.name] or masks
    if len(masks) != 1:
        raise InputError(
            argument,
            f"must hold one mask for every image, with the image's name; for '{image.name}' "
            f"there are {len(masks)}",
            remedy=f"Put one file such as {image.stem}.png there, or give a single mask file",
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
    masks = find_images(spec, argument=argument)
    if len(masks) == 1 and not os.path.isdir(expand_user(spec)):
        check_mask_file(masks[0], argument=argument)


def missing_masks_error(*, argument: str = "masks") -> InputError:
    """Returns the error for a corruption that takes masks without one."""
    return InputError(argument, "must be given for this corruption", remedy="Give a file or folder")
