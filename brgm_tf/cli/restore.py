"""The command `python -m brgm_tf.reconstruct`: plan, resume, execute, report."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from absl import flags

from brgm_tf.cli import process, run_flags
from brgm_tf.cli.progress import RunProgress
from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import list_generators
from brgm_tf.io import inputs, output_folder
from brgm_tf.pipeline import resuming
from brgm_tf.pipeline.batch_result import BatchCheckpoint, BatchResult
from brgm_tf.pipeline.batches import BatchCheckpoints, restore_all
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.devices import STRATEGIES, devices_of
from brgm_tf.pipeline.listings import list_presets
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.pipeline.sharding import AUTO, Shard, shard_of
from brgm_tf.pipeline.warmup import with_eager_warmup
from brgm_tf.reporting import tables, writer
from brgm_tf.reporting.destination import is_address

FLAGS = flags.FLAGS
STOPPED = 130  # exit code: stopped by a signal

flags.adopt_module_key_flags(run_flags)  # --help lists them
flags.DEFINE_bool("list_generators", False, "Print the named generators and their sources, and end")
flags.DEFINE_bool("list_presets", False, "Print the presets of --flagfile, and end")
flags.DEFINE_string(
    "shard",
    AUTO,
    "INDEX/COUNT: restore every COUNT-th batch from INDEX on, as one of COUNT processes with the "
    "same input; 'auto' follows TF_CONFIG, or restores everything without TF_CONFIG",
)
flags.DEFINE_enum(
    "strategy",
    "auto",
    list(STRATEGIES),
    "Devices, each of which restores its own batches: "
    + "; ".join(f"{name}, {text}" for name, text in STRATEGIES.items()),
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """A checked run.

    Attributes:
        config: the configuration.
        specs: all inputs.
        requirements: requirements of the inputs.
        folder: folder of the results.
        shard: shard of this process.
        devices: devices by TensorFlow's names.
        replay: text of flags.cfg.
    """

    config: Config
    specs: list[inputs.InputSpec]
    requirements: inputs.InputRequirements
    folder: Path
    shard: Shard
    devices: list[str | None]
    replay: str

    @property
    def names(self) -> list[str]:
        """Names of the images of this shard."""
        batches = self.shard.batches(self.specs, batch_size=self.config.batch_size)
        return [spec.name for batch in batches for spec in batch]


@dataclasses.dataclass(frozen=True)
class EarlierRun:
    """Results of an interrupted run.

    Attributes:
        rows: rows of metrics.csv of the finished images by name.
        checkpoints: checkpoints of stopped batches.
    """

    rows: Mapping[str, Mapping[str, object]] = dataclasses.field(default_factory=dict)
    checkpoints: BatchCheckpoints = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Outcome:
    """The end of a run.

    Attributes:
        failures: (name, message) of each image that could not be restored.
        checkpoints: checkpoints of the batches that were stopped.
        interrupted: whether a signal stopped the run.
    """

    failures: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    checkpoints: list[BatchCheckpoint] = dataclasses.field(default_factory=list)
    interrupted: bool = False


def run() -> int:
    """Runs the command with the flags that were parsed; returns the exit code.

    Returns:
        0 if all images are restored, 1 if some failed, 130 if a signal stopped the run.

    Raises:
        InputError: a flag or an input cannot be used.
    """
    if FLAGS.list_generators or FLAGS.list_presets:
        sys.stdout.write(list_generators() if FLAGS.list_generators else f"{list_presets()}\n")
        return 0
    plan = plan_run()
    earlier = earlier_run(plan)
    if len(earlier.rows) == len(plan.names):
        return 0
    return report(execute(plan, earlier))


def plan_run() -> Plan:
    """Checks the flags and the inputs; fast checks come first.

    Raises:
        InputError: a flag or an input cannot be used.
    """
    if is_address(FLAGS.output_dir):
        raise InputError(
            "output_dir",
            "must be a folder",
            remedy="Use tools/reconstruct_cluster.py, which writes to addresses",
            output_dir=FLAGS.output_dir,
        )
    shard = shard_of(FLAGS.shard)
    config = run_flags.checked_config()
    devices = devices_of(FLAGS.strategy)
    specs, requirements = prepare(FLAGS.input, config=config, masks=FLAGS.masks)
    if devices == [None]:  # The thread that compiles runs on TensorFlow's choice of device.
        resolution = requirements.resolution
        config = with_eager_warmup(config, num_images=len(specs), resolution=resolution)
    folder = output_folder.check_writable(FLAGS.output_dir)
    return Plan(config, specs, requirements, folder, shard, devices, run_flags.effective())


def earlier_run(plan: Plan) -> EarlierRun:
    """Returns the results to resume from, or removes them if the run starts again."""
    shard, folder, names = plan.shard, plan.folder, plan.names
    # Shards write flags.cfg at the same time.
    shared = ["probe", "flags.cfg"] if shard.count == 1 else []
    output_folder.tidy(folder, [shard.table, shard.state, *shared])
    if FLAGS.resume:
        rows = resuming.finished_rows(folder, names, flags=plan.replay)
        process.say(f"{len(rows)} of {len(names)} images were finished before")
        return EarlierRun(rows, resuming.load_checkpoints(folder, name=shard.state))
    # They may be of other flags, and must not count as results of this run if it is interrupted.
    writer.forget(folder, names)
    resuming.save_checkpoints(folder, [], name=shard.state)
    return EarlierRun()


def execute(plan: Plan, earlier: EarlierRun) -> Outcome:
    """Restores the images that are not finished, and writes their results batch by batch."""
    writer.save_flags(plan.folder, plan.replay)
    table = tables.MetricsTable(plan.folder, list(earlier.rows.values()), name=plan.shard.table)
    restorers = [Restorer(plan.config, notify=process.say, device=d) for d in plan.devices]
    num_images = len(plan.names) - len(earlier.rows)
    with RunProgress(num_images, plan.config.total_steps) as progress:
        batches = restore_all(
            restorers,
            plan.specs,
            expected=plan.requirements,
            progress=progress,
            finished=earlier.rows,
            shard=plan.shard,
            checkpoints=earlier.checkpoints,
            notify=progress.say,
        )
        outcome = _save(batches, plan.folder, table, progress)
    resuming.save_checkpoints(plan.folder, outcome.checkpoints, name=plan.shard.state)
    return outcome


def report(outcome: Outcome) -> int:
    """Prints the failures; returns the exit code."""
    for name, message in outcome.failures:
        process.say(f"failed: {name}: {message}")
    if outcome.interrupted:
        process.say("stopped; the results so far are saved")
        return STOPPED
    return 1 if outcome.failures else 0


def _save(
    batches: Iterable[BatchResult], folder: Path, table: tables.MetricsTable, progress: RunProgress
) -> Outcome:
    """Writes the results of batches, and prints the path of the last figure."""
    outcome, last = Outcome(), None
    for batch in batches:
        outcome.failures += batch.failures
        outcome.checkpoints += [batch.checkpoint] if batch.checkpoint else []
        for result in batch.images:
            writer.save_image_result(
                folder,
                result,
                save_video=FLAGS.save_video,
                save_generator=FLAGS.save_generator,
            )
            last = folder / result.name / "figure.png"
            for warning in result.warnings:
                progress.say(f"warning: {result.name}: {warning}")
        table.add([tables.metrics_row(result) for result in batch.images])
        progress.finish(batch)
    outcome.interrupted = progress.stopped
    if last is not None:
        progress.close()
        sys.stdout.write(f"{last}\n")
    return outcome
