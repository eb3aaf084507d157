"""An input that cannot be used, in its place among the others. TensorFlow is not imported here."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NoReturn

from brgm_tf.core.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Unusable:
    """A source that raises the error of its input, so that only this input fails.

    Args:
        path: Path of the file; None for an image in memory.
        error: Error of the input.
    """

    path: Path | None
    error: InputError

    @property
    def name(self) -> Path | None:
        """Path of the file."""
        return self.path

    def header(self) -> NoReturn:
        """Raises the error."""
        raise self.error

    def load(self, *, channels: int) -> NoReturn:
        """Raises the error."""
        raise self.error
