"""The theme and the style sheet of the page: fonts of the system, nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

STYLE_SHEET = Path(__file__).parent / "page.css"
_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica", "Arial", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def make_theme() -> Any:
    """Returns the Gradio theme of the page."""
    import gradio as gr

    theme = gr.themes.Base(
        primary_hue="sky",
        neutral_hue="slate",
        spacing_size="md",
        radius_size="md",
        font=_FONT,
        font_mono=_MONO,
    )
    return theme.set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#0e1116",
        block_background_fill="white",
        block_background_fill_dark="#171b22",
        block_border_color="#e3e7ec",
        block_border_color_dark="#262c36",
        block_label_text_color="#3d4754",
        block_label_text_color_dark="#b6c0cd",
        block_title_text_color="#1d2733",
        block_title_text_color_dark="#dfe6ee",
        block_info_text_color="#5b6675",
        block_info_text_color_dark="#9aa6b4",
        block_shadow="none",
        button_primary_background_fill="#0b63a5",
        button_primary_background_fill_hover="#094f85",
        button_primary_background_fill_dark="#1f7fc4",
        button_primary_background_fill_hover_dark="#3391d4",
        button_primary_text_color="white",
        slider_color="#0b63a5",
        slider_color_dark="#4aa3e0",
    )
