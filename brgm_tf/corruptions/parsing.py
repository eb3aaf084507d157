"""Reads a corruption from text: a call, a chain of calls, or a class in a file of the user's.

    downsample(factor=4)
    downsample(factor=4) + mask() + noise(scale=5)
    my_ops.py:Fog(density=0.3) + noise(scale=5)

What is read is a plain, checked value; TensorFlow is imported only where a file is named.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
from collections.abc import Iterator
from pathlib import Path

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.core.registry import MAX_TEXT, Call
from brgm_tf.corruptions import user_defined
from brgm_tf.corruptions.chain_rules import Outline, check_order
from brgm_tf.corruptions.table import CORRUPTIONS, CorruptionRow

ARGUMENT = CORRUPTIONS.argument
FEATURE_NOISE = 10.0  # grey levels: VGG16 sees textures in noise that is stronger
_SHOWN = 60  # characters of a stage that an error quotes
# A word in quotes, or a character that says where a stage ends.
_TOKEN = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[()\[\]{}+]""", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Stages:
    """A corruption that was read: the checked calls of its stages, first to last.

    Args:
        calls: one or more.
    """

    calls: tuple[Call, ...]

    def __str__(self) -> str:
        return " + ".join(map(str, self.calls))

    def create(self):
        """The `Corruption`: that of the only call, or the `Chain` of all."""
        made = [row_of(call.name).load()(**call.arguments) for call in self.calls]
        if len(made) == 1:
            return made[0]
        from brgm_tf.corruptions.chain import Chain  # which imports TensorFlow

        return Chain(made)

    @property
    def data_names(self) -> tuple[str, ...]:
        """Names of the per-image arrays that the stages take."""
        return tuple(name for call in self.calls for name in row_of(call.name).data_names)

    @property
    def noise(self) -> Call | None:
        """The stage of noise; None without one."""
        last = self.calls[-1]
        return last if row_of(last.name).adds_noise else None

    @property
    def noise_scale(self) -> float | None:
        """Standard deviation of the noise in grey levels; None where the stages do not say."""
        if self.noise is None or self.infers_noise:
            return None
        return row_of(self.noise.name).noise_scale(self.noise.arguments)

    @property
    def parameter_priors(self) -> tuple[str, ...]:
        """Names of the parameters that are unknown."""
        return tuple(name for call in self.calls for name in _outline(call).parameter_priors)

    @property
    def infers_noise(self) -> bool:
        """Whether the scale of the stage of noise is unknown."""
        return self.noise is not None and isinstance(
            self.noise.arguments.get("scale"), ParameterPrior
        )

    @property
    def has_fixed_noise(self) -> bool:
        """Whether the noise takes no other scale than its own."""
        return self.noise is not None and row_of(self.noise.name).fixed_noise

    @property
    def hides_features(self) -> bool:
        """Whether the noise is such that features of y are hardly those of its mean."""
        if self.noise is None:
            return False
        scale = self.noise_scale
        return row_of(self.noise.name).outliers or scale is None or scale > FEATURE_NOISE

    @property
    def straight_through_gradient(self) -> bool:
        """Whether a stage's gradient is a substitute."""
        return any(row_of(call.name).straight_through_gradient for call in self.calls)

    @property
    def measures_kspace(self) -> bool:
        """Whether k-space is what the stages leave."""
        return any(row_of(call.name).measures_kspace for call in self.calls)

    @property
    def factor(self) -> int:
        """Pixels of the image for one of the measurement, along an axis."""
        return math.prod(c.arguments["factor"] for c in self.calls if c.name == "downsample")

    @property
    def kind(self) -> str:
        """Name of the only stage besides noise; '' where there are none or several."""
        names = [call.name for call in self.calls if call is not self.noise]
        return names[0] if len(names) == 1 else ""


def parse(text: str) -> Stages:
    """Reads 'stage', or 'stage + stage + ...', and checks every value.

    A stage is a call of a registered corruption, or FILE.py:CLASS with arguments of the same
    form; a path must not hold a '+'. Of arguments nothing is evaluated but literals; a file of
    the user's is run, once.

    Args:
        text: at most `registry.MAX_TEXT` characters.

    Raises:
        InputError: a stage is no such call, a value is not accepted, or stages do not fit
            together; where there are several it says which.
    """
    texts = split(text)
    calls = tuple(_call(*numbered) for numbered in _numbered(texts))
    check_order([_outline(call) for call in calls], argument=ARGUMENT)
    return Stages(calls)


def _outline(call: Call) -> Outline:
    row = row_of(call.name)
    parameter_priors = tuple(
        n for n, value in call.arguments.items() if isinstance(value, ParameterPrior)
    )
    return Outline(call.name, row.adds_noise, row.data_names, parameter_priors)


def split(text: str) -> list[str]:
    """The texts of the stages: between the '+' that are in no brackets and no quotes.

    Raises:
        InputError: it is no text, or too long.
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        CORRUPTIONS.parse(text)  # which refuses it
    parts, start, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if token[0] == "+" and depth == 0:
            parts.append(text[start : token.start()].strip())
            start = token.end()
    return [*parts, text[start:].strip()]


def own_files(text: str) -> list[Path]:
    """The files that a text names; nothing is imported.

    Raises:
        InputError: there is no such file.
    """
    found = []
    for place, stage in _numbered(split(text)):
        if name := user_defined.name_of(stage):
            with _at(place):
                found.append(user_defined.find(name))
    return found


def absolute(text: str) -> str:
    """The text with the paths of files made absolute, to be read in any folder.

    They are those of corruptions of the user's, and those in the arguments of registered ones.

    Raises:
        InputError: a registered stage cannot be read, or there is no such file of the user's.
    """
    texts = split(text)
    made = [
        user_defined.absolute(t) if user_defined.name_of(t) else CORRUPTIONS.absolute(t)
        for t in texts
    ]
    return text if made == texts else " + ".join(made)


def row_of(name: str) -> CorruptionRow:
    """The row of a call's name: registered, or of a class in a file."""
    return user_defined.row(name) if user_defined.name_of(name) else CORRUPTIONS.row(name)


def _call(place: str, text: str) -> Call:
    with _at(place):
        return user_defined.parse(text) if user_defined.name_of(text) else CORRUPTIONS.parse(text)


def _numbered(texts: list[str]) -> Iterator[tuple[str, str]]:
    """Each stage with the words for its place, '' where it is the only one."""
    for i, text in enumerate(texts, start=1):
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
        yield (f"stage {i} {shown!r}" if len(texts) > 1 else ""), text


@contextlib.contextmanager
def _at(place: str) -> Iterator[None]:
    """Has errors of the block say where they are from."""
    try:
        yield
    except InputError as error:
        raise (error.at(place) if place else error) from None
