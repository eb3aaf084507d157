"""Connects the picture and the generator: examples, uploads, slices, masks and facts."""

from __future__ import annotations

import functools
from typing import Any

from brgm_tf.app import live
from brgm_tf.app.field_messages import FieldMessages
from brgm_tf.app.gradio_handlers import QUIET, with_request
from brgm_tf.app.handlers import Handlers, Uploaded
from brgm_tf.app.layout import Layout
from brgm_tf.app.messages import refusal_of
from brgm_tf.app.rows_panel import described
from brgm_tf.io.medical import Slicing


class PictureEvents:
    """Connects the components of the picture and of the generator with the handlers.

    Args:
        layout: components.
        handlers: handlers.
        messages: messages at the fields.
    """

    def __init__(self, layout: Layout, handlers: Handlers, messages: FieldMessages):
        self.inputs, self.refusals, _ = layout
        self.handlers, self.messages = handlers, messages

    def connect(self, page: Any) -> None:
        """Connects the events of a page, a `gradio.Blocks`."""
        self._connect_example(page)
        self._connect_upload()
        self._connect_view()
        self._connect_generator()

    def _connect_example(self, page: Any) -> None:
        inputs, chain = self.inputs, self.inputs.chain
        shown = [
            inputs.generator, inputs.input_kind, inputs.align, chain.rows, chain.shape, chain.text,
            inputs.estimator, inputs.num_steps, inputs.editor, inputs.medical, inputs.facts,
            *self.messages.components,
        ]  # fmt: skip
        name = self.handlers.first_example
        if name is not None:
            begin = with_request(functools.partial(self._begin, name=name))
            page.load(begin, None, [inputs.example, *shown], **QUIET)
        inputs.example.input(
            with_request(self._choose), [inputs.example, chain.shape], shown, **QUIET
        )

    def _begin(self, request: Any, *, name: str) -> list[Any]:
        return [name, *self._choose(request, name, 0)]

    def _choose(self, request: Any, name: str | None, shape: int) -> list[Any]:
        import gradio as gr

        if name is None:
            return [gr.skip()] * 11 + self.messages.values()
        try:
            values = self.handlers.choose_example(name, request.session_hash)
        except Exception as error:
            return [gr.skip()] * 11 + self.messages.values(refusal_of(error))
        text, _ = described(values["rows"], self.handlers.owner)
        facts, _, has_faces = self.handlers.facts(values["generator"])
        return [
            values["generator"], values["input_kind"],
            gr.Checkbox(values["align"], visible=has_faces),
            values["rows"], shape + 1, text,
            values["estimator"], values["num_steps"], values["editor"], gr.Group(visible=False),
            facts, *self.messages.values(),
        ]  # fmt: skip

    # Uploads.

    def _connect_upload(self) -> None:
        inputs = self.inputs
        medical = [inputs.medical, inputs.plane, inputs.slices]
        inputs.upload.upload(
            with_request(self._upload),
            [inputs.upload, inputs.plane, inputs.window, inputs.align],
            [inputs.example, inputs.upload, inputs.editor, *medical, *self.messages.components],
            **QUIET,
        )
        inputs.plane.input(
            with_request(self._choose_plane),
            [inputs.plane, inputs.window, inputs.align],
            [inputs.editor, *medical, *self.messages.components],
            **QUIET,
        )

    def _upload(self, request: Any, path: str | None, *values: Any) -> list[Any]:
        import gradio as gr

        if path is None:
            return [gr.skip()] * 6 + self.messages.values()
        try:
            uploaded = self.handlers.upload(path, *values, key=request.session_hash)
        except Exception as error:
            refusal = refusal_of(error, field="input")
            rest = [gr.Group(visible=False), gr.skip(), gr.skip()]
            return [gr.skip(), None, None, *rest, *self.messages.values(refusal)]
        return [None, None, *_values_of(uploaded), *self.messages.values()]

    def _choose_plane(self, request: Any, *values: Any) -> list[Any]:
        import gradio as gr

        try:
            uploaded = self.handlers.choose_plane(*values, key=request.session_hash)
        except Exception as error:
            return [gr.skip()] * 4 + self.messages.values(refusal_of(error, field="input"))
        return [*_values_of(uploaded), *self.messages.values()]

    # What the canvas shows.

    def _connect_view(self) -> None:
        inputs = self.inputs
        view = [inputs.align, inputs.plane, inputs.slices, inputs.window]
        for event in (inputs.slices.input, inputs.align.input, inputs.window.change):
            event(
                with_request(self._draw),
                view,
                [inputs.editor, *self.messages.components],
                trigger_mode="always_last",
                **QUIET,
            )
        inputs.mask.upload(
            with_request(self._upload_mask),
            [inputs.mask, *view],
            [inputs.mask, inputs.editor, *self.messages.components],
            **QUIET,
        )

    def _draw(self, request: Any, align: bool, *slicing: Any) -> list[Any]:
        import gradio as gr

        try:
            canvas = self.handlers.draw(_slicing(*slicing), align, request.session_hash)
        except Exception as error:
            return [gr.skip(), *self.messages.values(refusal_of(error, field="input"))]
        return [gr.skip() if canvas is None else canvas, *self.messages.values()]

    def _upload_mask(self, request: Any, path: str | None, align: bool, *slicing: Any) -> list[Any]:
        import gradio as gr

        if path is None:
            return [gr.skip(), gr.skip(), *self.messages.values()]
        try:
            key = request.session_hash
            canvas = self.handlers.upload_mask(path, _slicing(*slicing), align, key)
        except Exception as error:
            return [None, gr.skip(), *self.messages.values(refusal_of(error, field="masks"))]
        return [None, canvas, *self.messages.values()]

    # Generator.

    def _connect_generator(self) -> None:
        inputs, refusal = self.inputs, self.refusals.generator
        outputs = [inputs.facts, inputs.class_label, inputs.align, inputs.editor, refusal]
        inputs.generator.change(
            with_request(self._describe),
            [inputs.generator, inputs.align, inputs.plane, inputs.slices, inputs.window],
            outputs,
            **QUIET,
        )

    def _describe(self, request: Any, name: str, align: bool, *slicing: Any) -> list[Any]:
        import gradio as gr

        canvas = None
        try:
            text, has_classes, has_faces = self.handlers.facts(name)
            if align and not has_faces:
                canvas = self.handlers.draw(_slicing(*slicing), False, request.session_hash)
        except Exception as error:
            hidden = gr.Textbox(visible=False)
            message = live.message(refusal_of(error).text)
            return ["", hidden, gr.Checkbox(visible=False), gr.skip(), message]
        return [
            text,
            gr.Textbox(visible=has_classes),
            gr.Checkbox(align and has_faces, visible=has_faces),
            gr.skip() if canvas is None else canvas,
            "",
        ]


def _slicing(plane: str, index: float, window: str) -> Slicing:
    return Slicing(plane, str(int(index)), window)


def _values_of(uploaded: Uploaded) -> list[Any]:
    """Returns the values of the editor, and of the group, the plane and the slice of a volume."""
    import gradio as gr

    count = uploaded.num_slices
    has_slices = count > 1
    return [
        uploaded.canvas,
        gr.Group(visible=uploaded.is_medical),
        gr.Dropdown(visible=has_slices),
        gr.Slider(maximum=max(1, count - 1), value=uploaded.middle, visible=has_slices),
    ]
