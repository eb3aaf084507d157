"""Notebooks with the outputs of their last run by `make notebooks`, if there was one."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "build" / "notebooks"


def _read(app, docname: str, source: list[str]) -> None:
    path = FOLDER / f"{Path(docname).name}.ipynb"
    if docname.startswith("notebooks/") and path.is_file():
        source[0] = path.read_text("utf-8")
        app.env.note_dependency(str(path))


def setup(app):
    """Connects the hook."""
    app.connect("source-read", _read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
