"""Headless Chromium for tests of the page."""

import contextlib
import shutil

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_WITHOUT_WEBGL = "--disable-software-rasterizer"


@contextlib.contextmanager
def browser(*, has_webgl=False):
    """Yields a Playwright browser; skips the test without Chromium or Playwright."""
    with launcher() as launch:
        yield launch(has_webgl=has_webgl)


@contextlib.contextmanager
def launcher():
    """Yields a function that starts a browser; skips the test without Chromium or Playwright.

    Its argument `has_webgl` starts WebGL, which the canvas for painting needs. A processor takes
    14 seconds for WebGL, on each page.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")

    def launch(*, has_webgl):
        flags = _FLAGS if has_webgl else [*_FLAGS, _WITHOUT_WEBGL]
        return running.chromium.launch(executable_path=path, args=flags)

    with playwright.sync_playwright() as running:
        yield launch
