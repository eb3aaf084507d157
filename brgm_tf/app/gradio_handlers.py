"""Handlers of Gradio that receive the request of the visitor, and options of quiet events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_limit": None,
}

# Gradio gives the request, and the event, to parameters with their types.


def with_request(function: Callable) -> Callable:
    """Returns a handler of Gradio that calls function(request, *values)."""

    def call(request, *values):
        return function(request, *values)

    return _annotated(call, request="Request")


def streaming(function: Callable) -> Callable:
    """Returns a generator of Gradio that yields from function(request, *values)."""

    def call(request, *values):
        yield from function(request, *values)

    return _annotated(call, request="Request")


def with_click(function: Callable) -> Callable:
    """Returns a handler of Gradio that calls function(request, event)."""

    def call(request, event):
        return function(request, event)

    return _annotated(call, request="Request", event="SelectData")


def _annotated(function: Callable, **names: str) -> Callable:
    import gradio as gr

    function.__annotations__ = {name: getattr(gr, kind) for name, kind in names.items()}
    return function
