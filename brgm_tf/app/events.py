"""Connects the components of the page with the handlers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brgm_tf.app import live
from brgm_tf.app.field_messages import FieldMessages
from brgm_tf.app.finishing import Finished
from brgm_tf.app.gradio_handlers import QUIET, streaming, with_request
from brgm_tf.app.handlers import Handlers
from brgm_tf.app.jobs import Update
from brgm_tf.app.layout import Layout
from brgm_tf.app.messages import refusal_of
from brgm_tf.app.picture_events import PictureEvents
from brgm_tf.app.posterior_events import connect_posterior
from brgm_tf.app.settings import Settings

_SETTINGS = (
    "generator", "class_label", "input_kind", "align", "estimator", "num_steps", "adaptation_steps",
    "num_samples", "seed", "plane", "slices", "window",
)  # fmt: skip
_RESULT = (
    "live", "result", "slider", "truth", "residual", "faces", "posterior", "samples", "mean",
    "stddev", "interval", "metrics", "archive", "flagfile", "script",
)  # fmt: skip


class Events:
    """Connects the components of a page with its handlers.

    Args:
        layout: components.
        handlers: handlers.
    """

    def __init__(self, layout: Layout, handlers: Handlers):
        self.layout, self.handlers = layout, handlers
        self.inputs, _, self.outputs = layout
        self.messages = FieldMessages(layout)

    def connect(self, page: Any) -> None:
        """Connects all events of a page, a `gradio.Blocks`."""
        PictureEvents(self.layout, self.handlers, self.messages).connect(page)
        self._connect_run()
        connect_posterior(self.outputs, self.handlers)
        sessions = self.handlers.sessions
        page.unload(with_request(lambda request: sessions.close(request.session_hash)))

    def _connect_run(self) -> None:
        import gradio as gr

        inputs, outputs = self.inputs, self.outputs
        pending = gr.State(None)
        settings = [getattr(inputs, name) for name in _SETTINGS]
        buttons = [inputs.restore, inputs.stop]
        shown = [getattr(outputs, name) for name in _RESULT]
        checked = inputs.restore.click(
            with_request(self._check),
            [inputs.editor, inputs.chain.rows, *settings],
            [pending, outputs.live, outputs.result, *buttons, *self.messages.components],
            **QUIET,
        )
        checked.then(
            streaming(self._run),
            [pending],
            [pending, *buttons, inputs.facts, *shown, *self.messages.components],
            concurrency_limit=1,
            concurrency_id="restore",
            show_progress="minimal",
            show_progress_on=outputs.live,
            api_visibility="private",
        )
        inputs.stop.click(with_request(self._stop), None, [inputs.stop], **QUIET)

    def _check(self, request: Any, canvas: Any, rows: list, *values: Any) -> list[Any]:
        import gradio as gr

        named = dict(zip(_SETTINGS, values, strict=True))
        try:
            made = self.handlers.request(Settings(rows=rows, **named), canvas, request.session_hash)
        except Exception as error:
            idle = [gr.Button(interactive=True), gr.Button(interactive=False)]
            return [None, "", gr.skip(), *idle, *self.messages.values(refusal_of(error))]
        steps = made.job.config.total_steps
        waiting = live.panel(Update(note="waiting for its turn", num_steps=steps))
        busy = [gr.Button(interactive=False), gr.Button("Stop", interactive=True)]
        return [made, waiting, gr.Column(visible=False), *busy, *self.messages.values()]

    def _run(self, request: Any, pending: Any) -> Iterator[list[Any]]:
        import gradio as gr

        if pending is None:
            yield [gr.skip()] * (4 + len(_RESULT) + len(self.messages.components))
            return
        rest = [gr.skip()] * (len(_RESULT) - 1)
        idle = [gr.Button(interactive=True), gr.Button("Stop", interactive=False)]
        try:
            for update in self.handlers.run(pending, request.session_hash):
                if isinstance(update, Finished):
                    # The generator may have been fetched.
                    facts = self.handlers.facts_of_handle(pending.job.config.generator)
                    yield [None, *idle, facts, *_values_of(update), *self.messages.values()]
                else:
                    unchanged = [gr.skip()] * 4
                    yield [*unchanged, live.panel(update), *rest, *self.messages.values()]
        except Exception as error:
            refusal = refusal_of(error)
            yield [None, *idle, gr.skip(), "", *rest, *self.messages.values(refusal)]

    def _stop(self, request: Any) -> Any:
        import gradio as gr

        self.handlers.sessions.get(request.session_hash).stop.set()
        return gr.Button("Stopping ...", interactive=False)


def _values_of(finished: Finished) -> list[Any]:
    """Returns the values of the components of the result, in the order of `_RESULT`."""
    import gradio as gr

    seen = finished.views
    return [
        "",
        gr.Column(visible=True),
        (str(seen.before), str(seen.after)),
        _image(seen.truth),
        _image(seen.residual),
        gr.Gallery([str(path) for path in seen.faces], visible=bool(seen.faces)),
        gr.Column(visible=bool(seen.samples)),
        [str(path) for path in seen.samples],
        str(seen.mean) if seen.mean else None,
        str(seen.stddev) if seen.stddev else None,
        "",
        finished.metrics,
        gr.DownloadButton(value=str(finished.archive)),
        finished.flagfile,
        finished.script,
    ]


def _image(path: Any) -> Any:
    """Returns the picture at a path; a hidden one for None."""
    import gradio as gr

    return gr.Image(None if path is None else str(path), visible=path is not None)
