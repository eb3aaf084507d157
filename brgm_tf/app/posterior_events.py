"""Connects the pictures of the posterior: a click on a pixel states its interval."""

from __future__ import annotations

from typing import Any

from brgm_tf.app import live
from brgm_tf.app.gradio_handlers import QUIET, with_click, with_request
from brgm_tf.app.handlers import Handlers
from brgm_tf.app.messages import refusal_of
from brgm_tf.app.result_layout import Outputs
from brgm_tf.app.views import MAP_SIDE


def connect_posterior(outputs: Outputs, handlers: Handlers) -> None:
    """Connects the pictures and the fields of a pixel.

    Args:
        outputs: components of the result.
        handlers: handlers.
    """

    def clicked(request: Any, event: Any) -> list[int]:
        x, y = event.index
        side = MAP_SIDE if event.target is outputs.stddev else None
        return list(handlers.pixel_at(x, y, side=side, key=request.session_hash))

    def tell(request: Any, column: float | None, row: float | None) -> str:
        try:
            return handlers.interval(column or 0, row or 0, request.session_hash)
        except Exception as error:
            return live.message(refusal_of(error).text)

    pixel = [outputs.column, outputs.row]
    for picture in (outputs.mean, outputs.stddev):
        picture.select(with_click(clicked), None, pixel, **QUIET)
    for component in pixel:
        component.change(with_request(tell), pixel, [outputs.interval], **QUIET)
