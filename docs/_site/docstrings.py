"""Docstrings for Sphinx: formulas become literal blocks, and bars are no markup."""

from __future__ import annotations

import re

_SECTION = re.compile(
    r"(Args|Attributes|Returns|Yields|Raises|Reference|References|Example|Examples):"
)


def _setup_lines(lines: list[str]) -> list[str]:
    made: list[str] = []
    in_section = in_formula = False
    previous = ""
    for line in lines:
        indented = line.startswith("    ")
        if line and not indented:
            in_section, in_formula = bool(_SECTION.fullmatch(line)), False
        elif indented and not in_section and not in_formula and not previous.strip():
            made += ["::", ""]
            in_formula = True
        is_code = in_formula or line.lstrip().startswith((">>>", "..."))
        made.append(line if is_code else _without_markup(line))
        previous = line
    return made


def _without_markup(line: str) -> str:
    """Escapes bars, as in |x|, outside code."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(p if p.startswith("`") else p.replace("|", r"\|") for p in parts)


def _process(app, what, name, obj, options, lines: list[str]) -> None:
    lines[:] = _setup_lines(lines)


def _skip(app, what, name, obj, skip, options) -> bool | None:
    """Leaves out the members that TensorFlow Probability defines."""
    from tensorflow_probability import distributions

    return True if hasattr(distributions.Distribution, name) else None


def setup(app):
    """Connects the hooks; napoleon reads the lines afterwards."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-skip-member", _skip)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
