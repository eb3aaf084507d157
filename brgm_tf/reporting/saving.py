"""Saves the results of several images: an error of one image costs only that image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from brgm_tf.core.errors import CombinedInputError, InputError
from brgm_tf.io import output_folder
from brgm_tf.reporting import tables, writer
from brgm_tf.reporting.failures import Failure, save_failures

if TYPE_CHECKING:
    from brgm_tf.reporting.results import ImageResult, Restoration


def try_to_save(
    folder: str | os.PathLike, result: ImageResult, *, save_video: str | None = None
) -> Failure | None:
    """Writes the files of one image; returns its failure if they cannot be written.

    Args:
        folder, result, save_video: see `writer.save_image_result`.
    """
    try:
        writer.save_image_result(folder, result, save_video=save_video)
    # The encoder of a medical format, for example, can raise any error.
    except Exception as error:
        path = str(result.origin.get("input", ""))
        return Failure.of(error, name=result.name, stage="saving", path=path)
    return None


def save_restoration(folder: str | os.PathLike, restoration: Restoration) -> Path:
    """Writes the files of every image, metrics.csv and failures.csv; returns the folder.

    Args:
        folder: path of a folder; created if needed.
        restoration: the results.

    Raises:
        InputError: the folder or a table cannot be written.
        CombinedInputError: images cannot be saved; all others are.
    """
    home = output_folder.check_writable(folder)
    outcomes = [(image, try_to_save(home, image)) for image in restoration.images]
    failures = [failure for _, failure in outcomes if failure is not None]
    rows = [tables.metrics_row(image) for image, failure in outcomes if failure is None]
    tables.save_metrics_csv(home, rows)
    save_failures(home, [*restoration.failures, *failures])
    for photograph in restoration.photographs:
        photograph.save(home)
    if failures:
        raise CombinedInputError(
            [InputError("folder", f"cannot hold the results of {failure}") for failure in failures]
        )
    return home
