"""Pages of the API reference: a page for each public room, of the names in its `__all__`."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

# Rooms whose names users meet, and the titles of their pages.
ROOMS = {
    "brgm_tf": "brgm_tf",
    "brgm_tf.corruptions": "Corruptions",
    "brgm_tf.posterior": "Posterior",
    "brgm_tf.posterior.surrogates": "Surrogates",
    "brgm_tf.estimators": "Estimators",
    "brgm_tf.generators": "Generators",
    "brgm_tf.perceptual": "Perceptual distance",
    "brgm_tf.evaluation": "Evaluation",
    "brgm_tf.reporting": "Results",
    "brgm_tf.pipeline": "Pipeline",
    "brgm_tf.io": "Files",
    "brgm_tf.weights": "Weights",
    "brgm_tf.training": "Training",
    "brgm_tf.core": "Core",
    "brgm_tf.testing": "Tests of corruptions",
}


def write(folder: Path) -> None:
    """Writes the pages, and deletes the pages of earlier builds."""
    folder.mkdir(exist_ok=True)
    pages = {room.replace(".", "_"): _page(room, title) for room, title in ROOMS.items()}
    names = "\n".join(pages)
    pages["index"] = (
        "# API reference\n\nThe names that users meet are in [`brgm_tf`](brgm_tf.md). "
        "The other pages document the rooms of the package.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
    )
    for path in folder.glob("*.md"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        # Sphinx reads a page again only if the page changed.
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def names_of(room: str) -> list[str]:
    """Returns the names that the page of a room documents: those that `brgm_tf` lacks."""
    top = set(importlib.import_module("brgm_tf").__all__)
    module = importlib.import_module(room)
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == room
    ]
    return [name for name in names if room == "brgm_tf" or name not in top]


def _page(room: str, title: str) -> str:
    module = importlib.import_module(room)
    lines = [f"# {title}", "", "```{eval-rst}", f".. py:module:: {room}", ""]
    lines += [*inspect.cleandoc(module.__doc__ or "").splitlines(), ""]
    for name in sorted(names_of(room), key=lambda name: _order(getattr(module, name), name)):
        lines += _directive(room, name, getattr(module, name))
    lines += ["```", ""]
    if room != "brgm_tf":
        shared = sorted(set(getattr(module, "__all__", ())) - set(names_of(room)))
        if shared:
            lines += ["Documented in [`brgm_tf`](brgm_tf.md): " + _listed(shared) + ".", ""]
    return "\n".join(lines)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _order(value: object, name: str) -> tuple[int, str]:
    kinds = (inspect.isfunction(value), inspect.isclass(value))
    return (kinds.index(True) if True in kinds else len(kinds)), name.lower()


def _directive(room: str, name: str, value: object) -> list[str]:
    if inspect.isfunction(value):
        return [f".. autofunction:: {room}.{name}", ""]
    if inspect.isclass(value):
        lines = [f".. autoclass:: {room}.{name}"]
        return [*lines, *([] if _is_operator(value) else ["   :members:"]), ""]
    lines = [f".. py:data:: {name}", ""]
    text = inspect.cleandoc(type(value).__doc__ or "").splitlines()[0] if _has_rows(value) else ""
    rows = f" Names: {', '.join(f'``{row}``' for row in value)}." if _has_rows(value) else ""
    shown = text + rows if rows else f"``{value!r}``"
    return [*lines, f"   {shown}", ""]


def _is_operator(value: type) -> bool:
    """Returns whether the base class documents the methods of a class."""
    from brgm_tf.corruptions import Corruption

    return issubclass(value, Corruption) and value is not Corruption


def _has_rows(value: object) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str)
