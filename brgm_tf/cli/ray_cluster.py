"""Restores a collection on a Ray cluster: batches are tasks, results are in one place.

Ray gives each batch to a free process, and to another process if its node is lost; its unfinished
batch is rerun. A process loads the model once. A rerun writes the same bytes: metrics.json is
removed first and written last, and batch composition is deterministic.

The nodes read inputs and model files at the paths of the command.
"""

from __future__ import annotations

import collections
import dataclasses
import importlib.util
import os
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.io import inputs
from brgm_tf.pipeline.config import Config
from brgm_tf.reporting import tables
from brgm_tf.reporting.destination import Destination
from brgm_tf.reporting.failures import Failure
from brgm_tf.reporting.saving import try_to_save


@dataclasses.dataclass(frozen=True)
class Task:
    """The common part of all batches of a run.

    Args:
        flags: text of flags.cfg; a process loads one model for each text.
        config: the configuration.
        expected: requirements of the inputs.
        output_dir: a folder that all nodes see, or an address such as gs://BUCKET/FOLDER.
        save_video: see `writer.save_image_result`.
        num_cpus: number of threads of a batch.
        unusable: names of images that failed when they were planned.
    """

    flags: str
    config: Config
    expected: inputs.InputRequirements
    output_dir: str
    save_video: str | None
    num_cpus: int
    unusable: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Report:
    """The results of a batch.

    Attributes:
        rows: rows of metrics.csv.
        failures: the images that could not be restored or saved.
        notes: lines of text for the user.
        node: name of the machine.
        process: number of the process.
    """

    rows: list[dict]
    failures: tuple[Failure, ...]
    notes: list[str]
    node: str
    process: int

    @property
    def manifest(self) -> list[dict[str, object]]:
        """Rows of manifest.csv."""
        origin = {"node": self.node, "process": self.process}
        done = [{"image": row["image"], "status": "finished", **origin} for row in self.rows]
        failed = [
            {"image": failure.name, "status": "failed", **origin, "message": failure.message}
            for failure in self.failures
        ]
        return [*done, *failed]


def check_address(address: str) -> None:
    """Checks that Ray is installed and that a server listens at the address.

    Args:
        address: see `Cluster`.

    Raises:
        InputError: Ray is not installed, or no server listens.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("ray_address", "needs Ray", remedy="pip install 'brgm_tf[ray]'")
    match = re.fullmatch(r"(?:\w+://)?(.+):(\d+)", address)
    try:
        if match:  # Ray would wait for minutes.
            socket.create_connection((match[1], int(match[2])), timeout=10).close()
    except OSError as error:
        raise _no_cluster(address, error) from None


def _no_cluster(address: str, error: Exception) -> InputError:
    return InputError(
        "ray_address",
        f"must be the address of a running cluster ({' '.join(str(error).split())})",
        remedy="Start a cluster with `ray start --head`, or give 'local'",
        ray_address=address,
    )


class Cluster:
    """A connection to Ray.

    Args:
        address: address of the cluster; 'auto' for the running cluster of this machine; 'local'
            starts a cluster on this machine that ends with the process.

    Raises:
        InputError: Ray is not installed, or the cluster does not exist.
    """

    def __init__(self, address: str):
        check_address(address)
        import ray

        self._ray = ray
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        options = {"include_dashboard": False} if address == "local" else {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
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
        """Yields the report of each batch as it ends, in any order.

        Args:
            batches: the batches; Ray holds only a few more than it can run at a time.
            task: the common part of the batches.
            num_gpus: number of GPUs for a batch.
            num_workers: largest number of batches at a time; 0 fills the cluster.
        """
        ray = self._ray
        remote = ray.remote(
            num_cpus=task.num_cpus, num_gpus=num_gpus, max_retries=-1, scheduling_strategy="SPREAD"
        )(restore_batch)
        shared, waiting = ray.put(task), collections.deque(batches)
        running: set[Any] = set()
        while waiting or running:
            size = num_workers or 2 * self._num_slots(task.num_cpus, num_gpus)
            while waiting and len(running) < size:
                running.add(remote.remote(shared, waiting.popleft()))
            done, rest = ray.wait(list(running), timeout=1.0)
            running = set(rest)
            yield from ray.get(done)

    def close(self) -> None:
        """Ends the connection and its running batches."""
        self._ray.shutdown()

    def _num_slots(self, num_cpus: int, num_gpus: float) -> int:
        resources = self._ray.cluster_resources()
        slots = resources.get("CPU", 0) / num_cpus
        if num_gpus:
            slots = min(slots, resources.get("GPU", 0) / num_gpus)
        return max(1, int(slots))


def restore_batch(task: Task, batch: Sequence[inputs.InputSpec]) -> Report:
    """Restores a batch in a process of the cluster, and saves its results."""
    from brgm_tf.pipeline.batches import restore_all

    notes: list[str] = []
    restorer = _restorer(task)
    (result,) = restore_all(
        [restorer],
        batch,
        expected=task.expected,
        unusable=task.unusable,
        notify=notes.append,
    )
    rows, failures = [], list(result.failures)
    with Destination(task.output_dir) as destination:
        for image in result.images:
            failure = try_to_save(destination.folder, image, save_video=task.save_video)
            if failure is not None:
                failures.append(failure)
                continue
            destination.publish_image(image.name)
            rows.append(tables.metrics_row(image))
            notes += [f"warning: {image.name}: {warning}" for warning in image.warnings]
    return Report(rows, tuple(failures), notes, socket.gethostname(), os.getpid())


_RESTORERS: dict[str, object] = {}


def _restorer(task: Task):
    """Returns the restorer of the task, which the first batch of a process loads."""
    if task.flags not in _RESTORERS:
        from brgm_tf.cli import process

        process.import_to_restore(batch_size=task.config.batch_size)
        import tensorflow as tf

        from brgm_tf.pipeline.restorer import Restorer

        tf.config.threading.set_intra_op_parallelism_threads(task.num_cpus)
        _RESTORERS[task.flags] = Restorer(task.config)
    return _RESTORERS[task.flags]
