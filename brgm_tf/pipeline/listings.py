"""Printable lists of the generators and the presets. TensorFlow is not imported here."""

from __future__ import annotations

from pathlib import Path

from brgm_tf.weights.catalogue import GENERATORS

PRESETS = Path(__file__).parents[1] / "presets"


class Listing(dict[str, str]):
    """Names and their descriptions, which print as a table.

    Example:
        >>> Listing(blur="a Gaussian blur", none="the image itself")
        blur  a Gaussian blur
        none  the image itself
    """

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:{width}}  {text}" for name, text in self.items())

    __repr__ = __str__


def list_generators() -> Listing:
    """Returns the named generators with their descriptions.

    Example:
        >>> "xray-64" in list_generators()
        True
    """
    return Listing(
        {
            name: f"{row.resolution} x {row.resolution}, {row.help}"
            for name, row in GENERATORS.items()
        }
    )


def list_presets() -> Listing:
    """Returns the presets, flagfiles for `--flagfile=NAME`, with their descriptions.

    Example:
        >>> list_presets()["superres.cfg"]
        'Super-resolution: restores 64 x 64 pixels from 8 x 8.'
    """
    return Listing({path.name: _description(path) for path in sorted(PRESETS.glob("*.cfg"))})


def _description(path: Path) -> str:
    """Returns the first comment line of a preset."""
    return path.read_text("utf-8").partition("\n")[0].lstrip("# ")
