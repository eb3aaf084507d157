"""Restores a collection on a Ray cluster: python tools/reconstruct_cluster.py.

    python tools/reconstruct_cluster.py --flagfile=inpaint.cfg --input=DATA --output_dir=RESULTS \
        --ray_address=auto

It has the flags of `python -m brgm_tf.reconstruct` without --shard and --strategy, and four more.
Nodes need brgm_tf, and the input and output_dir under the same paths. output_dir may be an address
such as gs://BUCKET/FOLDER. The results equal those of a single process; manifest.csv lists the node
of each image. --resume restores the images that metrics.csv lacks.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from absl import flags

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.cli import process, run_flags
from brgm_tf.cli.ray_cluster import Cluster, Report, Task, check_address
from brgm_tf.cli.restore import STOPPED
from brgm_tf.core.progress import display
from brgm_tf.io import output_folder
from brgm_tf.pipeline import resuming
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.pipeline.sharding import Shard
from brgm_tf.pipeline.warmup import with_eager_warmup
from brgm_tf.reporting import tables, writer
from brgm_tf.reporting.destination import Destination

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
    specs, expected = prepare(FLAGS.input, config=config, masks=FLAGS.masks)
    names = [spec.name for spec in specs]
    with Destination(FLAGS.output_dir) as destination:
        run_tables = RunTables(
            destination, names, replay=run_flags.effective(), resume=FLAGS.resume
        )
        batches = [
            batch
            for batch in Shard().batches(specs, batch_size=config.batch_size)
            if not all(spec.name in run_tables.finished for spec in batch)
        ]
        if not batches:
            return 0
        task = Task(
            flags=run_flags.effective(),
            config=with_eager_warmup(config, num_images=len(specs), resolution=expected.resolution),
            expected=expected,
            output_dir=run_flags.absolute_path(FLAGS.output_dir),
            save_video=FLAGS.save_video,
            num_cpus=FLAGS.cpus_per_worker,
        )
        cluster = Cluster(FLAGS.ray_address)
        options = {"num_gpus": FLAGS.gpus_per_worker, "num_workers": FLAGS.num_workers}
        try:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            failures = _collect(cluster.restore(batches, task, **options), run_tables, len(names))
        except KeyboardInterrupt:
            process.say("stopped; the results so far are saved")
            return STOPPED
        finally:
            run_tables.finish()
            cluster.close()
    for name, message in failures:
        process.say(f"failed: {name}: {message}")
    return 1 if failures else 0


def _collect(reports: Iterable[Report], run_tables: RunTables, count: int) -> list[tuple[str, str]]:
    """Writes the reports, and shows the progress; returns the failures."""
    shown, start, failures = display(count, stream=sys.stderr), time.monotonic(), []
    before = done = len(run_tables.finished)
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
        names: names of all images, in order.
        replay: text of flags.cfg.
        resume: whether to keep the results of an earlier run.

    Attributes:
        finished: rows of metrics.csv of an earlier run by name.
    """

    def __init__(self, destination: Destination, names: list[str], *, replay: str, resume: bool):
        self._destination, self._names = destination, names
        self._folder = destination.folder
        output_folder.tidy(self._folder, ["probe", "flags.cfg", *_TABLES])
        self.finished: Mapping[str, Mapping] = {}
        if resume:
            destination.fetch(["flags.cfg", *_TABLES])
            self.finished = resuming.tabled_rows(self._folder, names, flags=replay)
            process.say(f"{len(self.finished)} of {len(names)} images were finished before")
        else:
            writer.forget(self._folder, names)
        known = {row["image"]: row for row in tables.read_rows(self._folder / "manifest.csv")}
        self._manifest = {
            name: known.get(name, {"image": name, "status": "finished"}) for name in self.finished
        }
        writer.save_flags(self._folder, replay)
        self._metrics = tables.MetricsTable(self._folder, list(self.finished.values()))
        destination.publish(["flags.cfg"])
        self._publish()

    def add(self, report: Report) -> None:
        """Adds the rows of a batch."""
        rows = [row for row in report.rows if row["image"] not in self.finished]
        self._metrics.add(rows)
        self._manifest |= {row["image"]: row for row in report.manifest}
        if time.monotonic() - self._published > _SECONDS_BETWEEN_COPIES:
            self._publish()

    def finish(self) -> None:
        """Puts the rows in the order of the images."""
        self._metrics.arrange(self._names)
        self._publish()

    def _publish(self) -> None:
        rows = [self._manifest[name] for name in self._names if name in self._manifest]
        tables.save_table(
            self._folder / "manifest.csv",
            _MANIFEST,
            ([row.get(column) for column in _MANIFEST] for row in rows),
        )
        self._destination.publish(_TABLES)
        self._published = time.monotonic()


if __name__ == "__main__":
    main()
