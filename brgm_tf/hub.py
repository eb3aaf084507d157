"""Names of generators and perceptual weights -> the loaded objects.

A row tells a generator's resolution and channels without loading it, so that inputs
are checked before TensorFlow is imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from brgm_tf import fetching
from brgm_tf.errors import InputError

PERCEPTUAL_WEIGHTS = "vgg16-lpips"


@dataclasses.dataclass(frozen=True)
class GeneratorRow:
    """What is known of a generator before it is loaded.

    Args:
        resolution: pixels.
        channels: 1 or 3.
        weights: name in `packages.PACKAGES`.
        help: one line.
    """

    resolution: int
    channels: int
    weights: str
    help: str


GENERATORS = {
    "ffhq-mobile-1024": GeneratorRow(
        1024, 3, "ffhq-mobile-1024", "faces: MobileStyleGAN distilled from NVIDIA's FFHQ model"
    ),
}


def describe_generator(name) -> GeneratorRow:
    """The row of a generator, given by its name or as the loaded object itself.

    Raises:
        InputError: there is no such generator.
    """
    if hasattr(name, "synthesis"):
        return GeneratorRow(name.resolution, name.channels, "", type(name).__name__)
    if name not in GENERATORS:
        raise InputError("generator", "must be one of " + ", ".join(GENERATORS), generator=name)
    return GENERATORS[name]


def load_generator(name, *, progress: Callable[[str], object] | None = None):
    """Loads a generator by name, fetching its weights the first time.

    Args:
        name: a name of `GENERATORS`; a loaded generator is returned as it is.
        progress: called with a line for each thing worth telling.

    Returns:
        A `generators.base.Generator`.

    Raises:
        InputError: there is no such generator, or its weights cannot be had.
    """
    if hasattr(name, "synthesis"):
        return name
    row = describe_generator(name)
    from brgm_tf.generators import mobile_stylegan

    arrays = fetching.converted(
        row.weights,
        mobile_stylegan.read_arrays,
        mobile_stylegan.ARRAYS_VERSION,
        progress=progress,
        argument="generator",
    )
    return mobile_stylegan.MobileStyleGAN(arrays)


def load_perceptual(*, progress: Callable[[str], object] | None = None):
    """Loads LPIPS on VGG16, fetching its weights the first time.

    Args:
        progress: called with a line for each thing worth telling.

    Raises:
        InputError: the weights cannot be had.
    """
    from brgm_tf import perceptual
    from brgm_tf.formats import inert

    arrays = fetching.converted(
        PERCEPTUAL_WEIGHTS,
        lambda folder: perceptual.read_arrays(
            folder, load=lambda path: inert.load_arrays(path, argument="perceptual_scale")
        ),
        perceptual.ARRAYS_VERSION,
        progress=progress,
        argument="perceptual_scale",
    )
    return perceptual.LPIPS(arrays)
