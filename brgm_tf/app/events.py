"""Connects the components of the page with the handlers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from brgm_tf.app import live
from brgm_tf.app.handlers import Finished, Handlers
from brgm_tf.app.layout import Layout, Refusals
from brgm_tf.app.messages import Refusal, refusal_of
from brgm_tf.app.rows_panel import described
from brgm_tf.app.runs import Update
from brgm_tf.app.settings import Settings
from brgm_tf.app.views import MAP_SIDE
from brgm_tf.io.medical import Slicing

# The message of a field is at the group of its component; all others are at the button.
_GROUPS = {
    **dict.fromkeys(("input", "input_kind", "images", "plane", "slices", "window"), "input"),
    **dict.fromkeys(("generator", "class", "class_label"), "generator"),
    **dict.fromkeys(("estimator", "num_steps", "num_samples", "adaptation_steps", "seed"), "more"),
    "masks": "masks",
}
_QUIET = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
_SETTINGS = (
    "generator", "class_label", "input_kind", "estimator", "num_steps", "adaptation_steps",
    "num_samples", "seed", "plane", "slices", "window",
)  # fmt: skip


class Events:
    """Connects the components of a page with its handlers.

    Args:
        layout: components.
        handlers: handlers.
    """

    def __init__(self, layout: Layout, handlers: Handlers):
        self.inputs, self.refusals, self.outputs = layout
        self.handlers = handlers
        chain = self.inputs.chain
        self._messages = [*self.refusals, chain.refusal]

    def connect(self, page: Any) -> None:
        """Connects all events of a page, a `gradio.Blocks`."""
        self._connect_picture(page)
        self._connect_generator()
        self._connect_run()
        self._connect_posterior()
        sessions = self.handlers.sessions
        page.unload(_with_request(lambda request: sessions.close(request.session_hash)))

    # Messages.

    def messages(self, refusal: Refusal | None = None) -> list[str]:
        """Returns the HTML of the message at each group, and at the corruption."""
        group = "run"
        if refusal is not None:
            group = _GROUPS.get(refusal.field, "run")
        texts = dict.fromkeys(Refusals._fields, "")
        is_of_chain = refusal is not None and refusal.field == "corruption"
        text = "" if refusal is None else live.message(refusal.text)
        if not is_of_chain:
            texts[group] = text
        return [*texts.values(), text if is_of_chain else ""]

    # Picture and generator.

    def _connect_picture(self, page: Any) -> None:
        inputs, chain = self.inputs, self.inputs.chain
        slicing = [inputs.plane, inputs.slices, inputs.window]
        shown = [
            inputs.generator, inputs.input_kind, chain.rows, chain.shape, chain.text,
            inputs.estimator, inputs.num_steps, inputs.editor, inputs.medical, inputs.facts,
            *self._messages,
        ]  # fmt: skip
        name = self.handlers.first_example
        if name is not None:
            page.load(
                _with_request(functools.partial(self._begin, name=name)),
                None,
                [inputs.example, *shown],
                **_QUIET,
            )
        inputs.example.input(
            _with_request(self._choose), [inputs.example, chain.shape], shown, **_QUIET
        )
        inputs.upload.upload(
            _with_request(self._upload),
            [inputs.upload, *slicing],
            [inputs.example, inputs.upload, inputs.editor, inputs.medical, *self._messages],
            **_QUIET,
        )
        for component in slicing:
            component.change(
                _with_request(self._choose_slice),
                slicing,
                [inputs.editor, *self._messages],
                **_QUIET,
            )
        inputs.mask.upload(
            _with_request(self._upload_mask),
            [inputs.mask, *slicing],
            [inputs.mask, inputs.editor, *self._messages],
            **_QUIET,
        )

    def _begin(self, request: Any, *, name: str) -> list[Any]:
        return [name, *self._choose(request, name, 0)]

    def _choose(self, request: Any, name: str | None, shape: int) -> list[Any]:
        import gradio as gr

        if name is None:
            return [gr.skip()] * 10 + self.messages()
        try:
            values = self.handlers.choose_example(name, request.session_hash)
        except Exception as error:
            return [gr.skip()] * 10 + self.messages(refusal_of(error))
        text, _ = described(values["rows"], self.handlers.owner)
        return [
            values["generator"], values["input_kind"], values["rows"], shape + 1, text,
            values["estimator"], values["num_steps"], values["editor"], gr.Group(visible=False),
            self.handlers.facts(values["generator"])[0], *self.messages(),
        ]  # fmt: skip

    def _upload(self, request: Any, path: str | None, *slicing: str) -> list[Any]:
        import gradio as gr

        if path is None:
            return [gr.skip()] * 4 + self.messages()
        try:
            canvas, is_medical = self.handlers.upload(path, Slicing(*slicing), request.session_hash)
        except Exception as error:
            refusal = refusal_of(error, field="input")
            return [gr.skip(), None, None, gr.Group(visible=False), *self.messages(refusal)]
        return [None, None, canvas, gr.Group(visible=is_medical), *self.messages()]

    def _choose_slice(self, request: Any, *slicing: str) -> list[Any]:
        import gradio as gr

        try:
            canvas = self.handlers.choose_slice(Slicing(*slicing), request.session_hash)
        except Exception as error:
            return [gr.skip(), *self.messages(refusal_of(error, field="input"))]
        return [gr.skip() if canvas is None else canvas, *self.messages()]

    def _upload_mask(self, request: Any, path: str | None, *slicing: str) -> list[Any]:
        import gradio as gr

        if path is None:
            return [gr.skip(), gr.skip(), *self.messages()]
        try:
            canvas = self.handlers.upload_mask(path, Slicing(*slicing), request.session_hash)
        except Exception as error:
            return [None, gr.skip(), *self.messages(refusal_of(error, field="masks"))]
        return [None, canvas, *self.messages()]

    def _connect_generator(self) -> None:
        import gradio as gr

        def describe(name: str) -> list[Any]:
            try:
                text, has_classes = self.handlers.facts(name)
            except Exception as error:
                return ["", gr.Textbox(visible=False), live.message(refusal_of(error).text)]
            return [text, gr.Textbox(visible=has_classes), ""]

        inputs = self.inputs
        outputs = [inputs.facts, inputs.class_label, self.refusals.generator]
        inputs.generator.change(describe, [inputs.generator], outputs, **_QUIET)

    # The run.

    def _connect_run(self) -> None:
        import gradio as gr

        inputs, outputs = self.inputs, self.outputs
        pending = gr.State(None)
        settings = [getattr(inputs, name) for name in _SETTINGS]
        buttons = [inputs.restore, inputs.stop]
        shown = [
            outputs.live, outputs.result, outputs.slider, outputs.truth, outputs.residual,
            outputs.posterior, outputs.samples, outputs.mean, outputs.stddev, outputs.interval,
            outputs.metrics, outputs.archive, outputs.flagfile, outputs.script,
        ]  # fmt: skip
        checked = inputs.restore.click(
            _with_request(self._check),
            [inputs.editor, inputs.chain.rows, *settings],
            [pending, outputs.live, outputs.result, *buttons, *self._messages],
            **_QUIET,
        )
        checked.then(
            _streaming(self._run),
            [pending],
            [pending, *buttons, *shown, *self._messages],
            concurrency_limit=1,
            concurrency_id="restore",
            show_progress="minimal",
            show_progress_on=outputs.live,
            api_visibility="private",
        )
        inputs.stop.click(_with_request(self._stop), None, [inputs.stop], **_QUIET)

    def _check(self, request: Any, canvas: Any, rows: list, *values: Any) -> list[Any]:
        import gradio as gr

        named = dict(zip(_SETTINGS, values, strict=True))
        try:
            made = self.handlers.request(Settings(rows=rows, **named), canvas, request.session_hash)
        except Exception as error:
            idle = [gr.Button(interactive=True), gr.Button(interactive=False)]
            return [None, "", gr.skip(), *idle, *self.messages(refusal_of(error))]
        waiting = live.panel(Update(note="waiting for its turn", num_steps=made.config.total_steps))
        busy = [gr.Button(interactive=False), gr.Button("Stop", interactive=True)]
        return [made, waiting, gr.Column(visible=False), *busy, *self.messages()]

    def _run(self, request: Any, pending: Any) -> Iterator[list[Any]]:
        import gradio as gr

        count = 14  # components of the result
        if pending is None:
            yield [gr.skip()] * (3 + count + len(self._messages))
            return
        idle = [gr.Button(interactive=True), gr.Button("Stop", interactive=False)]
        try:
            for update in self.handlers.run(pending, request.session_hash):
                if isinstance(update, Finished):
                    yield [None, *idle, *_values_of(update), *self.messages()]
                elif update.result is None:
                    rest = [gr.skip()] * (count - 1)
                    buttons = [gr.skip(), gr.skip()]
                    yield [gr.skip(), *buttons, live.panel(update), *rest, *self.messages()]
        except Exception as error:
            rest = [gr.skip()] * (count - 1)
            yield [None, *idle, "", *rest, *self.messages(refusal_of(error))]

    def _stop(self, request: Any) -> Any:
        import gradio as gr

        self.handlers.sessions.get(request.session_hash).stop.set()
        return gr.Button("Stopping ...", interactive=False)

    # The posterior.

    def _connect_posterior(self) -> None:
        outputs = self.outputs
        for picture in (outputs.mean, outputs.stddev):
            picture.select(
                _with_click(self._clicked), None, [outputs.column, outputs.row], **_QUIET
            )
        for component in (outputs.column, outputs.row):
            component.change(
                _with_request(self._tell),
                [outputs.column, outputs.row],
                [outputs.interval],
                **_QUIET,
            )

    def _clicked(self, request: Any, event: Any) -> list[int]:
        x, y = event.index
        side = MAP_SIDE if event.target is self.outputs.stddev else None
        return list(self.handlers.pixel_at(x, y, side=side, key=request.session_hash))

    def _tell(self, request: Any, column: float | None, row: float | None) -> str:
        try:
            return self.handlers.interval(column or 0, row or 0, request.session_hash)
        except Exception as error:
            return live.message(refusal_of(error).text)


def _values_of(finished: Finished) -> list[Any]:
    """Returns the values of the components of the result."""
    import gradio as gr

    seen = finished.views
    has_samples = finished.has_samples
    return [
        "",
        gr.Column(visible=True),
        (str(seen.before), str(seen.after)),
        gr.Image(None if seen.truth is None else str(seen.truth), visible=seen.truth is not None),
        str(seen.residual),
        gr.Column(visible=has_samples),
        [str(path) for path in seen.samples],
        str(seen.mean) if seen.mean else None,
        str(seen.stddev) if seen.stddev else None,
        "",
        finished.metrics,
        gr.DownloadButton(value=str(finished.archive)),
        finished.flagfile,
        finished.script,
    ]


# Gradio gives the request, and the event, to parameters with their types.


def _with_request(function: Callable) -> Callable:
    """Returns a handler of Gradio that calls function(request, *values)."""

    def call(request, *values):
        return function(request, *values)

    return _annotated(call, request="Request")


def _streaming(function: Callable) -> Callable:
    """Returns a generator of Gradio that yields from function(request, *values)."""

    def call(request, *values):
        yield from function(request, *values)

    return _annotated(call, request="Request")


def _with_click(function: Callable) -> Callable:
    """Returns a handler of Gradio that calls function(request, event)."""

    def call(request, event):
        return function(request, event)

    return _annotated(call, request="Request", event="SelectData")


def _annotated(function: Callable, **names: str) -> Callable:
    import gradio as gr

    function.__annotations__ = {name: getattr(gr, kind) for name, kind in names.items()}
    return function
