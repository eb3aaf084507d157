"""Headless Chromium for tests of the page."""

import contextlib
import shutil

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Without a graphics card a processor draws the editor's canvas, sixty times a second.
_FEWER_FRAMES = """
    window.requestAnimationFrame = draw => setTimeout(() => draw(performance.now()), 100);
    window.cancelAnimationFrame = clearTimeout;
"""


@contextlib.contextmanager
def browser():
    """Yields a Playwright browser; skips the test without Chromium or Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=path, args=_FLAGS)
        yield chromium
        chromium.close()


def new_page(chromium, **options):
    """Returns a new page, which draws ten times a second."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900}, **options)
    page.add_init_script(_FEWER_FRAMES)
    return page
