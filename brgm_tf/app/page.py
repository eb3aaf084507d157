"""The page: its components and their connections."""

from __future__ import annotations

from typing import Any

from brgm_tf.app.events import Events
from brgm_tf.app.handlers import Handlers
from brgm_tf.app.layout import TITLE, make_layout


def make_page(handlers: Handlers) -> Any:
    """Returns the page, a `gradio.Blocks` that is not launched.

    Args:
        handlers: the handlers of the server.
    """
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=False) as page:
        Events(make_layout(handlers.owner), handlers).connect(page)
    # The sessions limit the restorations that wait; other events take no time.
    return page.queue(default_concurrency_limit=4)
