"""Parser of corruptions: a call, a chain of calls, or a class in a file of the user.

    downsample(factor=4)
    downsample(factor=4) + mask() + noise(scale=5)
    my_ops.py:Fog(density=0.3) + noise(scale=5)

Parsing checks every value. It imports TensorFlow only if a file of the user does.
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
from brgm_tf.core.registry import MAX_TEXT, Call, Row
from brgm_tf.corruptions import user_defined
from brgm_tf.corruptions.base import Chain, Corruption
from brgm_tf.corruptions.chain_rules import Stage, check_stages
from brgm_tf.corruptions.table import CORRUPTIONS

FEATURE_NOISE = 10.0  # grey levels; VGG16 sees textures in stronger noise
_MAX_QUOTED = 60  # characters of a stage that an error quotes
# A word in quotes, or a character that may end a stage.
_TOKEN = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[()\[\]{}+]""", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Stages:
    """A parsed corruption: the checked calls of its stages, first to last.

    Its properties read the flags of the classes. The corruption itself is constructed by `create`,
    which reads the files that the calls name.

    Args:
        calls: One call or more.
    """

    calls: tuple[Call, ...]

    def __str__(self) -> str:
        return " + ".join(map(str, self.calls))

    def create(self) -> Corruption:
        """Constructs the corruption of one call, or the `Chain` of several."""
        stages = [_kind(call)(**call.arguments) for call in self.calls]
        return stages[0] if len(stages) == 1 else Chain(stages)

    @property
    def data_names(self) -> tuple[str, ...]:
        """Names of the per-image arrays of all stages."""
        return tuple(name for call in self.calls for name in _kind(call).data_names)

    @property
    def noise(self) -> Call | None:
        """The stage of noise; None without one."""
        last = self.calls[-1]
        return last if _kind(last).adds_noise else None

    @property
    def noise_scale(self) -> float | None:
        """Standard deviation of the noise in grey levels; None if it is not stated."""
        noise = self._noise_stage
        return None if noise is None else noise.stated_noise_scale

    @property
    def parameter_priors(self) -> tuple[str, ...]:
        """Names of the unknown parameters."""
        return tuple(name for call in self.calls for name in _unknowns(call))

    @property
    def infers_features(self) -> bool:
        """Whether unknown parameters change the features of the measurement."""
        unknown = [call for call in self.calls if _unknowns(call)]
        return any(not _kind(call).unknowns_keep_features for call in unknown)

    @property
    def infers_noise(self) -> bool:
        """Whether a parameter of the noise is unknown."""
        return self.noise is not None and bool(_unknowns(self.noise))

    @property
    def has_fixed_noise(self) -> bool:
        """Whether the noise takes no other scale."""
        return self.noise is not None and _kind(self.noise).has_fixed_noise

    @property
    def hides_features(self) -> bool:
        """Whether the noise changes the features of the measurement."""
        noise = self._noise_stage
        if noise is None:
            return False
        scale = noise.stated_noise_scale
        return noise.has_outliers or scale is None or scale > FEATURE_NOISE

    @property
    def straight_through_gradient(self) -> bool:
        """Whether the gradient of a stage is a substitute."""
        return any(_kind(call).straight_through_gradient for call in self.calls)

    @property
    def measures_kspace(self) -> bool:
        """Whether a stage measures k-space."""
        return any(_kind(call).measures_kspace for call in self.calls)

    @property
    def needs_volume(self) -> bool:
        """Whether a stage acts along the slices of a volume."""
        return any(_kind(call).needs_volume for call in self.calls)

    @property
    def factor(self) -> int:
        """Ratio of the pixels of the image to the measured ones, along a side."""
        return math.prod(c.arguments["factor"] for c in self.calls if c.name == "downsample")  # type: ignore[misc]

    @property
    def kind(self) -> str:
        """Name of the only stage that is not noise; '' for no or several of them."""
        names = [call.name for call in self.calls if call is not self.noise]
        return names[0] if len(names) == 1 else ""

    @property
    def _noise_stage(self) -> Corruption | None:
        return None if self.noise is None else _kind(self.noise)(**self.noise.arguments)


def parse(text: str) -> Stages:
    """Parses 'stage', or 'stage + stage + ...', and checks every value.

    A stage is a call of a registered corruption, or FILE.py:CLASS with arguments in the same form.
    A path must not hold a '+'. Only literals are evaluated; a file of the user is run once.

    Args:
        text: At most `registry.MAX_TEXT` characters.

    Raises:
        InputError: A stage has another form, a value is refused, or a stage cannot follow the
            stages before it. The message states the stage if there are several.

    Example:
        >>> from brgm_tf.corruptions.parsing import parse
        >>> stages = parse("downsample(factor=4) + noise(scale=5)")
        >>> str(stages)
        "downsample(factor=4, method='box') + noise(scale=5.0)"
        >>> stages.create()
        downsample(factor=4) + noise(scale=5.0)
    """
    calls = tuple(_call(label, stage) for label, stage in _labelled(split(text)))
    check_stages([Stage(call.name, _kind(call), _unknowns(call)) for call in calls])
    return Stages(calls)


def split(text: str) -> list[str]:
    """Splits a text into stages, at every '+' outside of brackets and quotes.

    Raises:
        InputError: text is not a string, or is too long.
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        CORRUPTIONS.parse(text)  # raises the error
    parts, start, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if token[0] == "+" and depth == 0:
            parts.append(text[start : token.start()].strip())
            start = token.end()
    return [*parts, text[start:].strip()]


def user_files(text: str) -> list[Path]:
    """Returns the files of the user that a text names; imports nothing.

    Raises:
        InputError: A file does not exist.
    """
    files = []
    for label, stage in _labelled(split(text)):
        if name := user_defined.name_of(stage):
            with _errors_at(label):
                files.append(user_defined.find(name))
    return files


def absolute(text: str) -> str:
    """Returns the text with absolute paths of files, which may be parsed in any folder.

    Paths occur as corruptions of the user and as arguments of registered corruptions.

    Raises:
        InputError: A registered stage cannot be parsed, or a file of the user does not exist.
    """
    stages = split(text)
    changed = [
        user_defined.absolute(t) if user_defined.name_of(t) else CORRUPTIONS.absolute(t)
        for t in stages
    ]
    return text if changed == stages else " + ".join(changed)


def row_of(name: str) -> Row:
    """Returns the row of the name of a call: registered, or a class in a file."""
    return user_defined.row(name) if user_defined.name_of(name) else CORRUPTIONS.row(name)


def _kind(call: Call) -> type[Corruption]:
    return row_of(call.name).load()


def _unknowns(call: Call) -> tuple[str, ...]:
    return tuple(n for n, value in call.arguments.items() if isinstance(value, ParameterPrior))


def _call(label: str, text: str) -> Call:
    with _errors_at(label):
        return user_defined.parse(text) if user_defined.name_of(text) else CORRUPTIONS.parse(text)


def _labelled(stages: list[str]) -> Iterator[tuple[str, str]]:
    """Yields each stage after its label for errors, which is '' for the only stage."""
    for i, text in enumerate(stages, start=1):
        quoted = text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "..."
        yield (f"stage {i} {quoted!r}" if len(stages) > 1 else ""), text


@contextlib.contextmanager
def _errors_at(label: str) -> Iterator[None]:
    """Prefixes the errors of the block by a label."""
    try:
        yield
    except InputError as error:
        raise (error.at(label) if label else error) from None
