"""`restore`: images in, `ImageResult`s out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import describe_generator
from brgm_tf.io import inputs, output_folder
from brgm_tf.pipeline.batches import restore_all
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.reporting import tables, writer
from brgm_tf.reporting.results import ImageResult
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR

_EARLY_STEPS, _EARLY_RESOLUTION = 10, 128


@dataclasses.dataclass(frozen=True)
class Restoration:
    """Results of `restore`.

    Args:
        images: an `ImageResult` for each restored image, in the order of the inputs.
        failures: (name, message) of each input that could not be used.
        config: what it was made with.
    """

    images: tuple[ImageResult, ...]
    failures: tuple[tuple[str, str], ...]
    config: Config

    @property
    def reconstructions(self) -> np.ndarray:
        """[N, H, W, C] in [-1, 1].

        Raises:
            InputError: no image was restored.
        """
        if not self.images:
            name, message = self.failures[0]
            raise InputError(
                "input", f"left nothing restored; the first failure is {name}: {message}"
            )
        return np.stack([image.reconstruction for image in self.images])

    def save(self, folder) -> Path:
        """Writes every image's files and metrics.csv; returns the folder."""
        folder = Path(folder)
        output_folder.check_writable(folder)
        for image in self.images:
            writer.save_image_result(folder, image)
        tables.save_metrics_csv(folder, [tables.metrics_row(image) for image in self.images])
        return folder


def restore(
    images,
    *,
    corruption: str = "none",
    generator=DEFAULT_GENERATOR,
    masks=None,
    num_steps: int = 350,
    seed: int = 0,
    progress: Callable | None = None,
    **options,
) -> Restoration:
    """Restores images: the most probable ones that the generator can make.

    Args:
        images: a path, folder or glob of pictures, NIfTI volumes, DICOM files, .tar archives or
            TFRecords, or a .txt that lists paths, an array [h, w, C] or [N, h, w, C] in [-1, 1],
            or a list of these. For 'kspace(...)', unless input_kind is 'clean', measured k-space:
            .npy or fastMRI's HDF5 files, complex arrays [H, W], [H, W, coils] or [N, H, W, coils];
            its unit becomes that in which the 99.9 % quantile of the zero-filled magnitude is
            white, and was the metric `kspace_white` before.
        corruption: a call such as 'downsample(factor=32)' or 'mask()', or a chain of them,
            such as 'downsample(factor=4) + noise(scale=5)'.
        generator: a handle as for `load_generator`, or a loaded generator.
        masks: for a corruption that has 'mask()': a file, a folder, or bool arrays, True =
            missing; or 'found' or 'found(fill=255)', by the colour of the holes, see
            `holes.find_missing`.
        num_steps: steps of the optimiser.
        seed: of everything random.
        progress: called with a `Step` after every chunk of steps and early step; returning
            True stops.
        **options: further fields of `Config`.

    Returns:
        A `Restoration`.

    Raises:
        InputError: a value or an input cannot be used.
    """
    config = Config(
        corruption=corruption, generator=generator, num_steps=num_steps, seed=seed, **options
    )
    specs, expected = prepare(images, config=config, masks=masks)
    restorer = Restorer(
        with_eager_warmup(config, num_images=len(specs), resolution=expected.resolution)
    )
    results, failures = [], []
    for batch in restore_all([restorer], specs, expected=expected, progress=progress):
        results += batch.images
        failures += batch.failures
    return Restoration(tuple(results), tuple(failures), config)


def prepare(
    images, *, config: Config, masks=None
) -> tuple[list[inputs.InputSpec], inputs.InputRequirements]:
    """Plans and checks the inputs, before anything heavy is loaded.

    Raises:
        InputError: there is no usable input.
    """
    corruption = config.stages.create()
    row = describe_generator(config.generator)
    specs = inputs.plan(
        images,
        masks=masks,
        needs_masks="missing" in corruption.data_names,
        kind=config.input_kind,
        kspace=config.measures_kspace,
        slicing=config.slicing,
    )
    shape = (row.resolution, row.resolution, row.channels)
    measured = corruption.measurement_shape(shape)
    is_clean = config.input_kind == "clean"
    expected = inputs.InputRequirements(
        size=row.resolution if is_clean else measured[0],
        resizable=is_clean or tuple(measured) == shape,
        resolution=row.resolution,
        mask_resolution=corruption.data_shape(shape)[0],
        channels=row.channels if is_clean else measured[-1],
        non_square=config.non_square,
        sampled=_sampled(corruption, shape) if config.measures_kspace else None,
    )
    faults = []
    for spec in specs:
        try:
            inputs.check(spec, expected=expected)
        except InputError as error:
            faults.append(error)
    if len(faults) == len(specs):
        raise faults[0]
    return specs, expected


def with_eager_warmup(config: Config, *, num_images: int, resolution: int) -> Config:
    """The configuration, with early steps where they pay: for one image of few pixels.

    Of larger ones such steps take longer than compiling does, and for many images what they cost
    counts more than when the first one begins. A video would have more frames of them.
    """
    if num_images > 1 or resolution > _EARLY_RESOLUTION or config.keep_frames:
        return config
    return dataclasses.replace(
        config, num_uncompiled_steps=config.num_uncompiled_steps or _EARLY_STEPS
    )


def _sampled(corruption, shape: tuple[int, int, int]) -> np.ndarray:
    """The values of k-space that a corruption samples of images of a shape, bool [H, W]."""
    y = np.zeros((1, *corruption.measurement_shape(shape)), "complex64")
    return np.asarray(corruption.of_images(shape).observation_mask(y))[0, :, :, 0] > 0
