"""Formulas as MathML, which browsers draw without scripts and without network."""

from __future__ import annotations

import re

import latex2mathml.converter
from docutils import nodes

# A function before a letter, as in log p, needs a space that the converter leaves out.
_FUNCTION = re.compile(r"(<m[io]>(?:log|exp|min|cos)</m[io]>)(?=<m(?:i|sub|sup)>)")


def _markup(text: str, display: str) -> str:
    markup = latex2mathml.converter.convert(text, display=display)
    return _FUNCTION.sub(r'\1<mspace width="0.17em"/>', markup)


def _visit_inline(translator, node: nodes.math) -> None:
    translator.body.append(_markup(node.astext(), "inline"))
    raise nodes.SkipNode


def _visit_block(translator, node: nodes.math_block) -> None:
    markup = _markup(node.astext(), "block")
    translator.body.append(f'<div class="formula">{markup}</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Registers the renderer `mathml`."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
