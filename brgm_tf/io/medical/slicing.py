"""Selection of slices of medical volumes."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical.window import Window

PLANES = ("axial", "coronal", "sagittal")
AUTO = "auto"
_RANGE = re.compile(r"(-?\d*):(-?\d*)(?::(-?\d+))?")


@dataclasses.dataclass(frozen=True)
class Slicing:
    """Selection of the slices of volumes, and the window of their grey levels.

    Args:
        plane: Plane of the slices, one of `PLANES`.
        slices: 'middle', 'all', an index, or a range 'FIRST:END' or 'FIRST:END:STEP' as in
            Python. Slices are counted along the plane's axis from the feet, the back or the left
            of the patient.
        window: 'LOW:HIGH', the values that are black and white, or 'auto' for the window stated
            in the file. If the file states no window, 'auto' clips 0.5 % of the volume's values
            at either end.

    Raises:
        InputError: a value cannot be used.

    Example:
        >>> Slicing(slices="1::3", window="-160:240").indices(8, name="head.nii")
        [1, 4, 7]
    """

    plane: str = "axial"
    slices: str = "middle"
    window: str = AUTO

    def __post_init__(self):
        if self.plane not in PLANES:
            raise InputError("plane", "must be one of " + ", ".join(PLANES), plane=self.plane)
        if str(self.slices).strip() not in ("middle", "all"):
            self._range()
        _ = self.explicit_window

    @property
    def explicit_window(self) -> Window | None:
        """The window 'LOW:HIGH'; None for 'auto'."""
        if self.window == AUTO:
            return None
        try:
            low, high = (float(text) for text in self.window.split(":"))
        except (ValueError, AttributeError):
            low = high = 0.0
        # NaN fails this comparison.
        if not (low < high and np.isfinite([low, high]).all()):
            raise InputError(
                "window",
                "must be 'auto' or LOW:HIGH, the values that become black and white",
                remedy="Write --window=-1000:400, for example",
                window=self.window,
            )
        return Window(low, high)

    def indices(self, count: int, *, name: str) -> list[int]:
        """Returns the indices of the selected slices.

        Args:
            count: Number of slices in the volume.
            name: Name of the volume, for errors.

        Raises:
            InputError: the volume has none of the slices.
        """
        text = str(self.slices).strip()
        if text in ("middle", "all"):
            return [count // 2] if text == "middle" else list(range(count))
        chosen = list(range(count))[self._range()]
        if not chosen:
            raise InputError(
                "slices",
                f"must name slices of {name}, which has 0 to {count - 1} in this plane",
                slices=self.slices,
            )
        return chosen

    def _range(self) -> slice:
        text = str(self.slices).strip()
        match = _RANGE.fullmatch(text)
        step = int(match[3]) if match and match[3] else 1
        if match and step:
            first, end = (int(part) if part else None for part in match.groups()[:2])
            return slice(first, end, step)
        if re.fullmatch(r"-?\d+", text):
            index = int(text)
            return slice(index, index + 1 if index != -1 else None)
        raise InputError(
            "slices",
            "must be 'middle', 'all', an index or a range FIRST:END[:STEP]",
            slices=self.slices,
        )
