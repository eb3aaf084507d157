"""What the owner of the server allows: generators, corruptions, examples, limits and defaults."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brgm_tf.app.controls import Offer, offered_corruptions
from brgm_tf.app.examples import Example, list_examples
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import GeneratorFacts, describe_generator, generator_facts
from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS
from brgm_tf.weights import fetching
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR, GENERATORS, GeneratorRow
from brgm_tf.weights.package_table import PACKAGES

NOT_CACHED = "not cached"  # state of a generator that has to be fetched
_FACES = re.compile("face|ffhq")


@dataclasses.dataclass(frozen=True)
class Owner:
    """What the owner of the server allows.

    Args:
        generators: Handles of the offered generators by their public names, which have no
            folder; the first one is the default.
        corruptions: Offered corruptions by their public names.
        examples: Offered examples by name.
        limits: Limits of a request.
        options: Fields of `Config` that the page starts with, by name.
    """

    generators: Mapping[str, str]
    corruptions: Mapping[str, Offer]
    examples: Mapping[str, Example]
    limits: Limits = dataclasses.field(default_factory=Limits)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def check_generator(self, name: object) -> str:
        """Returns the handle of an offered generator.

        Args:
            name: public name of the generator.

        Raises:
            Refusal: the owner does not offer the generator.
        """
        if not isinstance(name, str) or name not in self.generators:
            raise Refusal("generator", "This page does not offer that generator.")
        return self.generators[name]

    def public(self, text: str) -> str:
        """Returns a text with public names in place of the owner's paths."""
        names = {handle: name for name, handle in self.generators.items()}
        names |= {offer.name: name for name, offer in self.corruptions.items()}
        for private, name in names.items():
            text = text.replace(private, name)
        return text

    def row_of(self, name: str) -> GeneratorRow:
        """Returns the size and the classes of an offered generator."""
        return describe_generator(self.check_generator(name))

    def are_cached(self, name: str) -> bool:
        """Returns whether the weights of a generator and of LPIPS are on this machine."""
        is_here = self.facts_of(name).state != NOT_CACHED
        perceptual = self.options.get("perceptual", PERCEPTUAL_WEIGHTS)
        return is_here and perceptual in PACKAGES and fetching.status(str(perceptual)).cached

    def state_of(self, name: str) -> str:
        """Returns a line about the place of an offered generator's weights."""
        handle = self.check_generator(name)
        state = self.facts_of(name).state
        if state != NOT_CACHED:
            return f"On this machine ({state})."
        weights = GENERATORS[handle].weights
        size = f" ({fetching.status(weights).size / 1e6:.0f} MB)" if weights else ""
        return f"Not on this machine: the first restoration fetches it{size}."

    def has_faces(self, name: str) -> bool:
        """Returns whether an offered generator makes faces, by its name and its description."""
        handle = self.check_generator(name)
        text = GENERATORS[handle].help if handle in GENERATORS else ""
        return _FACES.search(f"{name} {text}".lower()) is not None

    def facts_of(self, name: str) -> GeneratorFacts:
        """Returns the facts about an offered generator, for its line on the page."""
        handle = self.check_generator(name)
        if handle in GENERATORS:
            return generator_facts(handle)
        row = describe_generator(handle)
        size = f"{row.resolution} x {row.resolution}"
        return GeneratorFacts(size, "file of the owner", name, "", row.licence)


def make_owner(
    *,
    generators: Sequence[str] = (),
    corruptions: Sequence[str] = (),
    limits: Limits | None = None,
    options: Mapping[str, Any] | None = None,
    first: Example | None = None,
) -> Owner:
    """Returns what a server offers, after a check of every name.

    Args:
        generators: Handles of generators; () for the named ones that this project has tested.
        corruptions: Corruptions of the owner, FILE.py:CLASS.
        limits: Limits of a request; None for the defaults.
        options: Fields of `Config` that the page starts with.
        first: Example that the page opens with; None for in-painting.

    Raises:
        InputError: a generator or a corruption does not exist.

    Example:
        >>> next(iter(make_owner().generators))
        'xray-64'
    """
    options = dict(options or {})
    default = options.get("generator")
    listed = tuple(generators) or tuple(name for name, row in GENERATORS.items() if row.tried)
    names = tuple(dict.fromkeys([*([str(default)] if default else []), *listed]))
    for name in names:
        try:
            describe_generator(name)
        except InputError as error:
            raise error.of("generators") from None
    return Owner(
        generators=_public_names(_with_default_first(names, default)),
        corruptions=offered_corruptions(corruptions),
        examples=({first.name: first} if first else {}) | list_examples(names),
        limits=limits or Limits(),
        options=options,
    )


def _public_names(handles: Sequence[str]) -> dict[str, str]:
    """Returns handles by their last part, or by a number after it if another one has it."""
    names: dict[str, str] = {}
    for handle in handles:
        name = Path(handle).name if handle not in GENERATORS else handle
        count = sum(other.partition(" ")[0] == name for other in names)
        names[f"{name} ({count + 1})" if count else name] = handle
    return names


def _with_default_first(names: tuple[str, ...], default: object) -> tuple[str, ...]:
    first = default or (DEFAULT_GENERATOR if DEFAULT_GENERATOR in names else names[0])
    return tuple(sorted(names, key=lambda name: name != first))
