"""Images that could not be restored: what failed, at which stage, and the table of a run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from brgm_tf.core.errors import one_line
from brgm_tf.io import output_folder
from brgm_tf.reporting import tables

STAGES = ("planning", "loading", "restoring", "saving")
_COLUMNS = ("image", "path", "stage", "error")


@dataclasses.dataclass(frozen=True)
class Failure:
    """An image that could not be restored.

    Args:
        name: name of the image.
        message: the error, in one line.
        stage: stage that failed, one of `STAGES`.
        path: path of the input; '' for an image in memory.

    Example:
        >>> str(Failure("tree", "no image"))
        'tree: no image'
    """

    name: str
    message: str
    stage: str = "restoring"
    path: str = ""

    @classmethod
    def of(cls, error: BaseException, *, name: str, stage: str, path: str = "") -> Failure:
        """Returns the failure of an image by an error of any kind."""
        return cls(name, one_line(error), stage, path)

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


def save_failures(
    folder: str | os.PathLike, failures: Sequence[Failure], *, name: str = "failures.csv"
) -> None:
    """Writes failures.csv, a row for each failure; without failures, removes the file.

    Args:
        folder: folder of the run.
        failures: the failures.
        name: name of the file.

    Raises:
        InputError: the file cannot be written or removed.
    """
    path = output_folder.expanded(folder) / name
    if not failures:
        output_folder.remove(path)
        return
    rows = [(failure.name, failure.path, failure.stage, failure.message) for failure in failures]
    tables.save_table(path, _COLUMNS, rows)
