"""A collection on a cluster of Ray: batches as tasks, results and tables in one place.

Every batch is a task, which Ray gives to a process that is free, and to another one when a node is
lost; a process loads the model once. Whatever is tried again leaves the same bytes: an image's
metrics.json is removed first and written last, and batches are those of a single process.

Inputs, and models given as files, are read by the nodes, at the paths that the command names.
"""

from __future__ import annotations

import collections
import dataclasses
import importlib.util
import os
import re
import socket
from collections.abc import Iterable, Iterator, Sequence

from brgm_tf.core.errors import InputError
from brgm_tf.io import inputs
from brgm_tf.pipeline.config import Config
from brgm_tf.reporting import tables, writer
from brgm_tf.reporting.destination import Destination


@dataclasses.dataclass(frozen=True)
class Task:
    """What is the same for every batch of a run.

    Args:
        flags: the text that replays the run; models are kept by it.
        config: what the flags say.
        expected: of the inputs.
        output_dir: a folder that all nodes see, or an address such as gs://BUCKET/FOLDER.
        save_video: as of `outputs.save_image_result`.
        num_cpus: threads of a batch.
    """

    flags: str
    config: Config
    expected: inputs.InputRequirements
    output_dir: str
    save_video: str | None
    num_cpus: int


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of a batch: rows of metrics.csv, failures, warnings, and where it was."""

    rows: list[dict]
    failures: tuple[tuple[str, str], ...]
    notes: list[str]
    node: str
    process: int

    @property
    def manifest(self) -> list[dict[str, object]]:
        """Rows of manifest.csv."""
        place = {"node": self.node, "process": self.process}
        done = [{"image": row["image"], "status": "finished", **place} for row in self.rows]
        failed = [
            {"image": name, "status": "failed", **place, "message": message}
            for name, message in self.failures
        ]
        return [*done, *failed]


def check_address(address: str) -> None:
    """Checks, before anything heavy, that there is Ray and that something listens at the address.

    Args:
        address: as of `Cluster`.

    Raises:
        InputError: there is none of it.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("ray_address", "needs Ray", remedy="pip install 'brgm_tf[ray]'")
    match = re.fullmatch(r"(?:\w+://)?(.+):(\d+)", address)
    try:
        if match:  # Ray would wait for minutes
            socket.create_connection((match[1], int(match[2])), timeout=10).close()
    except OSError as error:
        raise _no_cluster(address, error) from None


def _no_cluster(address: str, error: Exception) -> InputError:
    return InputError(
        "ray_address",
        f"must be that of a running cluster ({' '.join(str(error).split())})",
        remedy="Start one by `ray start --head`, or give 'local'",
        ray_address=address,
    )


class Cluster:
    """A connection to Ray.

    Args:
        address: of the cluster; 'local' for one of this machine alone, which ends with the
            process, 'auto' for the one that runs here.

    Raises:
        InputError: Ray is not installed, or there is no cluster.
    """

    def __init__(self, address: str):
        check_address(address)
        import ray

        self._ray = ray
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        own = {"include_dashboard": False} if address == "local" else {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
        except (ConnectionError, ValueError) as error:
            raise _no_cluster(address, error) from None

    def restore(
        self,
        batches: Iterable[Sequence[inputs.InputSpec]],
        task: Task,
        *,
        num_gpus: float = 0,
        num_workers: int = 0,
    ) -> Iterator[Report]:
        """Yields the report of each batch as it ends, in no order.

        Args:
            batches: of the collection; Ray gets few more at a time than it has room for.
            task: what they have in common.
            num_gpus: of a batch, besides the task's `num_cpus`.
            num_workers: most batches at a time; 0 for as many as the cluster holds.
        """
        ray = self._ray
        remote = ray.remote(
            num_cpus=task.num_cpus, num_gpus=num_gpus, max_retries=-1, scheduling_strategy="SPREAD"
        )(restore_batch)
        shared, waiting, running = ray.put(task), collections.deque(batches), set()
        while waiting or running:
            size = num_workers or 2 * self._num_places(task.num_cpus, num_gpus)
            while waiting and len(running) < size:
                running.add(remote.remote(shared, waiting.popleft()))
            done, rest = ray.wait(list(running), timeout=1.0)
            running = set(rest)
            yield from ray.get(done)

    def close(self) -> None:
        """Ends the connection, and what was being done."""
        self._ray.shutdown()

    def _num_places(self, num_cpus: int, num_gpus: float) -> int:
        has = self._ray.cluster_resources()
        places = has.get("CPU", 0) / num_cpus
        return max(1, int(min(places, has.get("GPU", 0) / num_gpus) if num_gpus else places))


def restore_batch(task: Task, batch: Sequence[inputs.InputSpec]) -> Report:
    """Restores a batch, in a process of the cluster, and saves its results."""
    from brgm_tf.pipeline.batches import restore_all

    notes: list[str] = []
    restorer = _restorer(task)
    (found,) = restore_all([restorer], batch, expected=task.expected, notify=notes.append)
    with Destination(task.output_dir) as destination:
        for image in found.images:
            writer.save_image_result(destination.folder, image, save_video=task.save_video)
            destination.publish_image(image.name)
            notes += [f"warning: {image.name}: {warning}" for warning in image.warnings]
    rows = [tables.metrics_row(image) for image in found.images]
    return Report(rows, found.failures, notes, socket.gethostname(), os.getpid())


_RESTORERS: dict[str, object] = {}


def _restorer(task: Task):
    """The task's restorer, loaded by the first batch of a process."""
    if task.flags not in _RESTORERS:
        from brgm_tf.cli import process as command

        command.import_to_restore(batch_size=task.config.batch_size)
        import tensorflow as tf

        from brgm_tf.pipeline.restorer import Restorer

        tf.config.threading.set_intra_op_parallelism_threads(task.num_cpus)
        _RESTORERS[task.flags] = Restorer(task.config)
    return _RESTORERS[task.flags]
