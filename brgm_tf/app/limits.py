"""Limits of what a visitor may ask of the server."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of what a visitor may ask of the server.

    Args:
        megapixels: most pixels of an uploaded picture or volume, in millions.
        megabytes: most bytes of an uploaded file, in millions.
        steps: most steps of a restoration, of all stages.
        samples: most posterior samples of a restoration.
        stages: most stages of a corruption.
        waiting: most restorations that wait for their turn.
        programs: number of compiled restorers that are kept.
        worker_gigabytes: memory above which the worker compiles no further program, but is
            replaced.
        idle_minutes: minutes after which the files of an idle session are deleted.
    """

    megapixels: float = 50.0
    megabytes: float = 50.0
    steps: int = 1000
    samples: int = 16
    stages: int = 4
    waiting: int = 20
    programs: int = 4
    worker_gigabytes: float = 3.0
    idle_minutes: float = 60.0
