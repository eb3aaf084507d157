"""A study: the page for the raters, and the key that names the methods of its codes."""

from __future__ import annotations

import dataclasses
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from preference import pictures

TEMPLATE = Path(__file__).with_name("page.html")
_CLOSER = "Which picture is closer to the true picture?"
_NATURAL = "Which picture looks more natural?"


@dataclasses.dataclass(frozen=True)
class Key:
    """Key of a study.

    Args:
        study: Identifier of the study, which its answers contain.
        task: Name of the group of bars.
        methods: Names of the methods by their codes.
    """

    study: str
    task: str
    methods: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Key:
        """Returns the key in a file.

        Raises:
            InputError: the file is no key.
        """
        try:
            values = json.loads(path.read_text("utf-8"))
            return cls(str(values["study"]), str(values["task"]), dict(values["methods"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError("keys", "must be files key.json", received=str(path)) from None

    def to_json(self) -> str:
        """Returns the text of the file."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


@dataclasses.dataclass(frozen=True)
class Study:
    """Page and key of a study.

    Args:
        html: Text of the page.
        key: Key of the study.
    """

    html: str
    key: Key


def make(
    methods: Mapping[str, Path],
    *,
    truth: Path | None = None,
    task: str = "all",
    pairs: int | None = None,
    seed: int = 0,
) -> Study:
    """Returns the page and the key of a study.

    Args:
        methods: Folders of pictures by the names of the methods.
        truth: Folder of the true images; None asks for the more natural picture.
        task: Name of the group of bars.
        pairs: Number of pairs for each rater; None shows all pairs.
        seed: Seed of the codes.

    Raises:
        InputError: fewer than two methods, or a method lacks a picture of an image.
    """
    if len(methods) < 2:
        raise InputError("methods", "must name at least two methods", received=len(methods))
    folders = {name: pictures.find(folder, argument="methods") for name, folder in methods.items()}
    names = sorted(next(iter(folders.values())))
    _check_same(folders, names)
    truths = {} if truth is None else pictures.find(truth, argument="truth")
    if truth is not None and (absent := sorted(set(names) - set(truths))):
        raise InputError("truth", "must hold a picture of each image", received=absent[0])
    codes = _codes(sorted(methods), seed=seed)
    images = [
        {
            "name": name,
            "truth": truths and pictures.data_address(truths[name], argument="truth"),
            "methods": {
                code: pictures.data_address(folders[method][name], argument="methods")
                for method, code in sorted(codes.items(), key=lambda item: item[1])
            },
        }
        for name in names
    ]
    data = {"images": images, "pairs": pairs, "question": _CLOSER if truths else _NATURAL}
    digest = hashlib.sha256(json.dumps([data, seed], sort_keys=True).encode("utf-8"))
    key = Key(digest.hexdigest()[:12], task, {code: name for name, code in codes.items()})
    return Study(_html(data | {"study": key.study}), key)


def _check_same(folders: Mapping[str, Mapping[str, Path]], names: list[str]) -> None:
    for method, files in folders.items():
        if difference := sorted(set(names) ^ set(files)):
            raise InputError(
                "methods",
                "must hold a picture of each image for each method",
                remedy=f"{method} and {next(iter(folders))} differ in {difference[0]}",
            )


def _codes(methods: list[str], *, seed: int) -> dict[str, str]:
    """Returns a code for each method that tells nothing about its name."""
    numbers = np.random.default_rng(seed).permutation(len(methods))
    return {method: f"m{number}" for method, number in zip(methods, numbers, strict=True)}


def _html(data: Mapping[str, object]) -> str:
    text = json.dumps(data).replace("<", "\\u003c")  # no tag within the script ends it
    template = TEMPLATE.read_text("utf-8")
    question = html.escape(str(data["question"]))
    return template.replace("QUESTION", question).replace('"STUDY DATA"', text)
