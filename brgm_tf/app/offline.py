"""Keeps Gradio on this machine: it looks up no name and fetches no address.

Import this module before Gradio, which reads the variables when it is imported.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any, NoReturn

from brgm_tf.core.errors import InputError

SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SHARE": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def set_environment(folder: str | os.PathLike[str]) -> None:
    """Sets the variables that keep Gradio on this machine, and its folder of files.

    Args:
        folder: folder of uploads and results.

    Raises:
        InputError: Gradio is not installed.
    """
    if importlib.util.find_spec("gradio") is None:
        raise InputError(
            "app", "needs Gradio, which is not installed", remedy="pip install 'brgm_tf[app]'"
        )
    os.environ.update(SETTINGS, GRADIO_TEMP_DIR=os.fspath(folder))


def refuse_addresses() -> None:
    """Lets Gradio refuse files that a visitor names by an address.

    Gradio would otherwise fetch the address from this server.
    """
    from gradio import processing_utils

    async def refuse_later(url: str, cache_dir: str) -> str:
        refuse(url, cache_dir)

    def refuse(url: str, cache_dir: str) -> NoReturn:
        del url, cache_dir
        raise ValueError("a file must be uploaded, not named by an address")

    names: dict[str, Any] = {
        "async_ssrf_protected_download": refuse_later,
        "ssrf_protected_download": refuse,
        "save_url_to_cache": refuse,
    }
    for name, function in names.items():
        setattr(processing_utils, name, function)
