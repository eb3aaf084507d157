"""Checks of the options of volumes. TensorFlow is not imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brgm_tf.core.errors import InputError

if TYPE_CHECKING:
    from brgm_tf.pipeline.config import Config

# The 16 leading principal components of 5,760 axial slices at 1 mm, of 180 people, have a
# correlation of 0.949 from slice to slice: exp(-1 mm / 19 mm).
CORRELATION_LENGTH = 20.0


def check_volume_options(config: Config) -> None:
    """Checks that options of volumes are given with volumes, and options of images with images.

    Raises:
        InputError: An option does not belong to the kind of the input.
    """
    if not config.volume:
        _check_images(config)
        return
    expected = {
        "estimator": (config.estimator, "map"),
        "adaptation_steps": (config.adaptation_steps, 0),
        "num_restarts": (config.num_restarts, 1),
        "align": (config.align, "none"),
        "slices": (config.slices, "middle"),
    }
    for name, (value, only) in expected.items():
        if value != only:
            raise InputError(name, f"must be {only} for a volume", **{name: str(value)})
    if str(config.objective).startswith("brgm"):
        raise InputError(
            "objective", "must be bayes or balanced for a volume", objective=config.objective
        )
    if config.measures_kspace:
        raise InputError(
            "input_kind",
            "must be clean for k-space of a volume, because volumes hold images",
            remedy="Give --input_kind=clean, or k-space of single slices without --volume",
        )


def _check_images(config: Config) -> None:
    if config.traits.needs_volume:
        raise InputError(
            "corruption",
            "must act on images, because the input is no volume",
            remedy="Give --volume, or volume=True in Python",
            corruption=str(config.corruption),
        )
    options = {"volume_index": config.volume_index, "field_of_view": config.field_of_view}
    for name, value in options.items():
        if value is not None:
            raise InputError(name, "must be given with --volume only", **{name: str(value)})
