"""The page: its components, its handlers and their connections."""

from __future__ import annotations

from typing import Any

from brgm_tf.app.events import Events
from brgm_tf.app.handlers import Handlers
from brgm_tf.app.layout import TITLE, make_layout
from brgm_tf.app.owner import Owner
from brgm_tf.app.programs import Programs
from brgm_tf.app.sessions import Sessions


def make_page(owner: Owner, *, sessions: Sessions, programs: Programs) -> Any:
    """Returns the page, a `gradio.Blocks` that is not launched.

    Args:
        owner: what the owner of the server allows.
        sessions: the sessions of the server.
        programs: the compiled programs of the server.
    """
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=False) as page:
        layout = make_layout(owner)
        Events(layout, Handlers(owner, sessions, programs)).connect(page)
    return page.queue(max_size=owner.limits.waiting, default_concurrency_limit=4)
