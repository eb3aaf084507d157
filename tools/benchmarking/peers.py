"""Another program that takes the same steps: a command that is run beside ours and says how long.

The command gets the path of a problem.npz in the environment variable BRGM_TF_BENCHMARK, with

    ws             float32 [B, L, D], latents
    measurement    float32 [B, h, w, C] in [-1, 1]
    settings       JSON: corruption, generator, batch_size, and all fields of `Objective`

and beside it vgg16.npz, the arrays of the perceptual distance as `perceptual.LPIPS` takes them. It
takes steps from these latents, and writes two lines, anywhere in its output:

    seconds_per_step 1.234      of the whole batch, without what comes before the first step
    objective 5678.9            at ws: the loss that the first step starts from, summed over images
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
    """What a peer said: seconds a step of a batch, and the objective at the latents given."""

    seconds_per_step: float
    objective: float


def write_problem(path: Path, *, ws, measurement, settings: Mapping[str, object]) -> None:
    """Writes the problem.npz of the module's docstring, and vgg16.npz."""
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

    Raises:
        InputError: it fails, or does not say what it should.
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
    said = dict(_LINE.findall(text))
    try:
        return Answer(float(said["seconds_per_step"]), float(said["objective"]))
    except (KeyError, ValueError):
        raise InputError(
            "peer",
            "must write the lines 'seconds_per_step NUMBER' and 'objective NUMBER'",
            peer=command,
        ) from None
