"""Headless Chromium: a page opens in it, and the elements that scripts made are returned."""

import functools
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
)


@functools.cache
def chromium():
    """Returns the path of Chromium, or skips the test."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")


def dom(page, *, profile, milliseconds=10_000):
    """Returns the HTML of a page after its scripts ran.

    Args:
        page: Path of the file.
        profile: New folder for the state of the browser.
        milliseconds: Virtual time that the scripts get.
    """
    options = (f"--user-data-dir={profile}", f"--virtual-time-budget={milliseconds}", "--dump-dom")
    command = [chromium(), *FLAGS, *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout
