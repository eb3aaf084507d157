"""Properties that inputs must have, and the checks of headers and k-space against them."""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.kspace import crop_to_square
from brgm_tf.io.sources import Header

_MAX_ZEROS = 0.01  # fraction of the sampled values


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
        is_damaged: Whether the pictures have holes already, so that resizing mixes the colour of
            a hole into its neighbours.
    """

    size: int
    resizable: bool
    resolution: int
    mask_resolution: int
    channels: int
    non_square: str = "crop"
    sampled: np.ndarray | None = None
    is_damaged: bool = True


def check_header(name: str, header: Header, *, expected: InputRequirements) -> None:
    """Checks the size of an input.

    Args:
        name: Name of the input, for errors.
        header: Size of the input.
        expected: Requirements of the input.

    Raises:
        InputError: the size or the number of channels is wrong.
    """
    size = f"{header.width} x {header.height}"
    if expected.sampled is not None:
        _check_kspace_size(name, header, expected=expected)
    elif header.channels not in (None, expected.channels):
        raise InputError(
            "input",
            f"{name} must be an array [h, w, {expected.channels}]",
            shape=tuple(header),
        )
    if expected.non_square == "refuse" and header.width != header.height:
        raise InputError("input", f"{name} must be square", remedy="Crop it", size=size)
    is_picture = expected.sampled is None
    if is_picture and not expected.resizable and min(header[:2]) != expected.size:
        raise InputError(
            "input",
            f"{name} must be {expected.size} x {expected.size} pixels for this corruption",
            remedy="Give another factor, or input_kind=clean to have a whole picture corrupted",
            size=size,
        )


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


def crop_kspace(name: str, values: np.ndarray, *, expected: InputRequirements) -> np.ndarray:
    """Returns complex64 [size, size, coils], measured wherever the corruption samples.

    Args:
        name: Name of the input, for errors.
        values: complex64 [H, W, coils].
        expected: Requirements of the input, with `sampled`.

    Raises:
        InputError: more than 1 % of the values that the corruption samples are 0.
    """
    values = crop_to_square(values, resolution=expected.size)
    zeros = (values == 0).all(axis=-1)[expected.sampled].mean()
    # Measured values have noise: a zero is very unlikely.
    if zeros > _MAX_ZEROS:
        raise InputError(
            "input",
            f"{name} is 0 at {zeros:.0%} of the places that the corruption samples",
            remedy="Give the pattern that it was measured with, or k-space without gaps",
        )
    return values
