"""Examples of the page: the presets whose pictures are installed with the package."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from brgm_tf.cli import flagfiles
from brgm_tf.io.discovery import EXAMPLE_PREFIX
from brgm_tf.pipeline.listings import PRESETS, list_presets

# Examples that the page may open with: settings of the command, or a preset.
FIRST, DEFAULT = "flagfile", "inpaint"


@dataclasses.dataclass(frozen=True)
class Example:
    """A preset as an example.

    Args:
        name: Name of the preset without its suffix.
        help: One line about the preset.
        flags: Flags of the preset by name.
    """

    name: str
    help: str
    flags: dict[str, str]

    @property
    def label(self) -> str:
        """Line of a list of examples."""
        handle = self.flags["input"]
        if not handle.startswith(EXAMPLE_PREFIX):
            return self.help
        subject = "face" if handle.startswith(f"{EXAMPLE_PREFIX}astronaut") else "chest radiograph"
        return f"{self.help.rstrip('.')} ({subject})"


def list_examples(generators: Collection[str]) -> dict[str, Example]:
    """Returns the presets of some generators that have an installed picture, by their name.

    Args:
        generators: Names of the generators that the page offers.

    Example:
        >>> list_examples(["xray-64"])["inpaint"].flags["corruption"]
        'mask()'
    """
    examples = {}
    for name, text in list_presets().items():
        flags = _flags_of(name)
        is_example = flags.get("input", "").startswith(EXAMPLE_PREFIX)
        has_picture = is_example and "volume" not in flags
        if has_picture and flags.get("generator") in generators:
            stem = name.removesuffix(".cfg")
            examples[stem] = Example(stem, text, flags)
    return examples


def _flags_of(name: str) -> dict[str, str]:
    lines = flagfiles.expand([f"--flagfile={PRESETS / name}"])
    pairs = (line.lstrip("-").partition("=") for line in lines)
    return {flag: value for flag, _, value in pairs}
