"""Restores a collection on a Ray cluster: python tools/reconstruct_cluster.py.

    python tools/reconstruct_cluster.py --flagfile=inpaint.cfg --input=DATA --output_dir=RESULTS \
        --ray_address=auto

It has the flags of `python -m brgm_tf.reconstruct` without --shard and --strategy, and four more.
Nodes need brgm_tf, and the input and output_dir under the same paths. output_dir may be an address
such as gs://BUCKET/FOLDER. The results equal those of a single process; manifest.csv lists the node
of each image. --resume restores the images that metrics.csv lacks.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from absl import flags

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.cli import process, run_flags, run_lock
from brgm_tf.cli.process import STOPPED
from brgm_tf.cli.progress import heeded_signals
from brgm_tf.cli.ray_cluster import Cluster, Report, Task, check_address
from brgm_tf.cli.restore import report_failures
from brgm_tf.core.progress import display
from brgm_tf.io import output_folder
from brgm_tf.pipeline import resuming
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.preparation import Preparation
from brgm_tf.pipeline.sharding import Shard
from brgm_tf.pipeline.warmup import with_eager_warmup
from brgm_tf.reporting import tables, writer
from brgm_tf.reporting.destination import Destination, is_address
from brgm_tf.reporting.failures import Failure, save_failures

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(run_flags)
flags.DEFINE_string(
    "ray_address",
    "local",
    "Address of the cluster, such as ray://HOST:10001; 'auto' for the cluster of this machine; "
    "'local' for processes of this machine alone",
)
flags.DEFINE_integer("cpus_per_worker", 1, "Number of cores for a batch", lower_bound=1)
flags.DEFINE_float(
    "gpus_per_worker", 0, "Number of GPUs for a batch, or a fraction of one", lower_bound=0
)
flags.DEFINE_integer(
    "num_workers",
    0,
    "Largest number of batches at a time; 0 fills the cluster",
    lower_bound=0,
)

_TABLES = ("metrics.csv", "manifest.csv")
_MANIFEST = ("image", "status", "node", "process", "message")
_SECONDS_BETWEEN_COPIES = 60.0


def main() -> None:
    """Runs the command, and ends the process with its exit code."""
    process.run(_run, parse=run_flags.parse)


def _run() -> int:
    check_address(FLAGS.ray_address)
    config = run_flags.checked_config()
    plan = run_flags.prepare_inputs(config)
    with Destination(FLAGS.output_dir) as destination:
        lock: contextlib.AbstractContextManager = contextlib.nullcontext()
        if not is_address(FLAGS.output_dir):  # An address has no locks.
            replay = run_flags.effective()
            lock = run_lock.locked(destination.folder, shard=Shard(), flags=replay)
        with lock:
            return _restore(config, plan, destination)


def _restore(config: Config, plan: Preparation, destination: Destination) -> int:
    run_tables = RunTables(destination, plan, replay=run_flags.effective(), resume=FLAGS.resume)
    done = {*run_tables.finished, *run_tables.unusable}
    batches = [
        batch
        for batch in Shard().batches(plan.specs, batch_size=config.batch_size)
        if not all(spec.name in done for spec in batch)
    ]
    if not batches:
        return 1 if plan.failures else 0
    resolution = plan.requirements.resolution
    task = Task(
        flags=run_flags.effective(),
        config=with_eager_warmup(config, num_images=len(plan.specs), resolution=resolution),
        expected=plan.requirements,
        output_dir=run_flags.absolute_path(FLAGS.output_dir),
        save_video=FLAGS.save_video,
        num_cpus=FLAGS.cpus_per_worker,
        unusable=run_tables.unusable,
    )
    cluster = Cluster(FLAGS.ray_address)
    options = {"num_gpus": FLAGS.gpus_per_worker, "num_workers": FLAGS.num_workers}
    try:
        for number in heeded_signals():
            signal.signal(number, signal.default_int_handler)
        failures = _collect(cluster.restore(batches, task, **options), run_tables)
    except KeyboardInterrupt:
        process.say("stopped; the results so far are saved")
        return STOPPED
    finally:
        run_tables.finish()
        cluster.close()
    report_failures(failures)
    return 1 if failures or plan.failures else 0


def _collect(reports: Iterable[Report], run_tables: RunTables) -> list[Failure]:
    """Writes the reports, and shows the progress; returns the failures."""
    count = len(run_tables.names)
    shown, start = display(count, stream=sys.stderr), time.monotonic()
    failures: list[Failure] = []
    before = done = len(run_tables.finished) + len(run_tables.unusable)
    shown.update(done, doing=f"{count - done} images: starting")
    for report in reports:
        run_tables.add(report)
        failures += report.failures
        for line in report.notes:
            shown.say(line)
        done += len(report.rows) + len(report.failures)
        rate = 3600 * (done - before) / (time.monotonic() - start)
        shown.update(done, doing=f"{done} done, {rate:.0f} an hour")
    shown.close()
    return failures


class RunTables:
    """metrics.csv and manifest.csv of a run: every batch adds its rows.

    Args:
        destination: destination of the run.
        plan: all inputs, planned and checked.
        replay: text of flags.cfg.
        resume: whether to keep the results of an earlier run.

    Attributes:
        names: names of all images, in order.
        unusable: names of the inputs that cannot be used.
        finished: rows of metrics.csv of an earlier run by name.
    """

    def __init__(self, destination: Destination, plan: Preparation, *, replay: str, resume: bool):
        self._destination, self._failures = destination, list(plan.failures)
        self.names = names = [spec.name for spec in plan.specs]
        self.unusable = plan.unusable
        self._folder = destination.folder
        output_folder.tidy(self._folder, ["probe", "flags.cfg", *_TABLES])
        self.finished: Mapping[str, Mapping] = {}
        if resume:
            destination.fetch(["flags.cfg", *_TABLES])
            usable = [spec for spec in plan.specs if spec.name not in self.unusable]
            earlier = resuming.find_tabled(self._folder, usable, flags=replay)
            for line in earlier.lines(len(names)):
                process.say(line)
            self.finished = earlier.rows
        else:
            writer.forget(self._folder, names)
        known = {row["image"]: row for row in tables.read_rows(self._folder / "manifest.csv")}
        self._manifest = {
            name: known.get(name, {"image": name, "status": "finished"}) for name in self.finished
        }
        writer.save_flags(self._folder, replay)
        self._metrics = tables.MetricsTable(self._folder, list(self.finished.values()))
        report_failures(self._failures)
        destination.publish(["flags.cfg"])
        self._publish()

    def add(self, report: Report) -> None:
        """Adds the rows of a batch."""
        rows = [row for row in report.rows if row["image"] not in self.finished]
        self._metrics.add(rows)
        self._manifest |= {row["image"]: row for row in report.manifest}
        self._failures += report.failures
        if time.monotonic() - self._published > _SECONDS_BETWEEN_COPIES:
            self._publish()

    def finish(self) -> None:
        """Puts the rows in the order of the images."""
        self._metrics.arrange(self.names)
        self._publish()

    def _publish(self) -> None:
        rows = [self._manifest[name] for name in self.names if name in self._manifest]
        tables.save_table(
            self._folder / "manifest.csv",
            _MANIFEST,
            ([row.get(column) for column in _MANIFEST] for row in rows),
        )
        # The table of an earlier run must not stay at an address, which `publish` cannot empty.
        save_failures(self._folder, self._failures)
        if self._failures:
            self._destination.publish(["failures.csv"])
        else:
            self._destination.remove("failures.csv")
        self._destination.publish(_TABLES)
        self._published = time.monotonic()


if __name__ == "__main__":
    main()
