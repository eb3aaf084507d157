"""Peers: other programs that take the same steps and report their time.

The environment variable BRGM_TF_BENCHMARK gives the command the path of a problem.npz:

    ws             float32 [B, L, D], latents
    measurement    float32 [B, h, w, C] in [-1, 1]
    settings       JSON: corruption, generator, batch_size, and all fields of `Objective`

The same folder holds vgg16.npz, the arrays of `perceptual.LPIPS`. The peer takes steps from these
latents, and writes two lines, anywhere in its output:

    seconds_per_step 1.234      time of a step of the whole batch, after the first step
    objective 5678.9            loss at ws, summed over images
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS, read_perceptual

PROBLEM = "BRGM_TF_BENCHMARK"
_LINE = re.compile(r"^(seconds_per_step|objective) (\S+)\s*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Answer:
    """Answer of a peer.

    Args:
        seconds_per_step: Time of a step of the whole batch.
        objective: Loss at the given latents, summed over images.
    """

    seconds_per_step: float
    objective: float


def write_problem(path: Path, *, ws, measurement, settings: Mapping[str, object]) -> None:
    """Writes problem.npz and vgg16.npz.

    Args:
        path: Path of problem.npz.
        ws: Latents [B, L, D].
        measurement: Measurement [B, h, w, C].
        settings: Values for JSON.
    """
    np.savez(
        path,
        ws=np.asarray(ws, "float32"),
        measurement=np.asarray(measurement, "float32"),
        settings=np.array(json.dumps(dict(settings))),
    )
    beside = path.with_name("vgg16.npz")
    if not beside.exists():
        np.savez(beside, **read_perceptual(PERCEPTUAL_WEIGHTS).arrays)


def ask(command: str, *, problem: Path) -> Answer:
    """Runs a peer once.

    Args:
        command: Command of the peer, for a shell.
        problem: Path of problem.npz.

    Raises:
        InputError: The peer fails, or a line is missing in its output.
    """
    done = subprocess.run(
        command,
        shell=True,
        capture_output=True,
        text=True,
        env={**os.environ, PROBLEM: str(problem.resolve())},
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise InputError(
            "peer", f"must not fail: exit code {done.returncode}, {last}", peer=command
        )
    return _answer(done.stdout, command=command)


def _answer(text: str, *, command: str) -> Answer:
    values = dict(_LINE.findall(text))
    try:
        return Answer(float(values["seconds_per_step"]), float(values["objective"]))
    except (KeyError, ValueError):
        raise InputError(
            "peer",
            "must write the lines 'seconds_per_step NUMBER' and 'objective NUMBER'",
            peer=command,
        ) from None
