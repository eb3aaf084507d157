"""The command `python -m brgm_tf.reconstruct`: plan, resume, execute, report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from absl import flags

from brgm_tf.cli import process, run_flags
from brgm_tf.cli.process import STOPPED
from brgm_tf.cli.progress import RunProgress
from brgm_tf.cli.run_lock import locked
from brgm_tf.cli.volumes import run_volume
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.traits import create_corruption
from brgm_tf.generators.loading import list_generators
from brgm_tf.io import output_folder
from brgm_tf.io.inputs import InputSpec
from brgm_tf.pipeline import resuming
from brgm_tf.pipeline.batch_result import BatchCheckpoint, BatchResult
from brgm_tf.pipeline.batches import BatchCheckpoints, restore_all
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.devices import STRATEGIES, devices_of
from brgm_tf.pipeline.listings import list_presets
from brgm_tf.pipeline.photographs import saved_photograph
from brgm_tf.pipeline.preparation import Preparation
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.pipeline.resuming import Finished
from brgm_tf.pipeline.sharding import AUTO, Shard, shard_of
from brgm_tf.pipeline.warmup import with_eager_warmup
from brgm_tf.reporting import tables, writer
from brgm_tf.reporting.destination import is_address
from brgm_tf.reporting.failures import Failure, save_failures
from brgm_tf.reporting.saving import try_to_save

FLAGS = flags.FLAGS
_SHOWN = 20  # failures on the terminal

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
    "Devices that share the batches: "
    + "; ".join(f"{name}, {text}" for name, text in STRATEGIES.items()),
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """A checked run.

    Attributes:
        config: the configuration.
        inputs: all inputs, planned and checked.
        folder: folder of the results.
        shard: shard of this process.
        devices: devices by TensorFlow's names.
        replay: text of flags.cfg.
    """

    config: Config
    inputs: Preparation
    folder: Path
    shard: Shard
    devices: list[str | None]
    replay: str

    @property
    def specs(self) -> list[InputSpec]:
        """The inputs of this shard."""
        batches = self.shard.batches(self.inputs.specs, batch_size=self.config.batch_size)
        return [spec for batch in batches for spec in batch]

    @property
    def failures(self) -> list[Failure]:
        """The inputs of this shard that cannot be used."""
        names = {spec.name for spec in self.specs}
        return [failure for failure in self.inputs.failures if failure.name in names]


@dataclasses.dataclass(frozen=True)
class EarlierRun:
    """Results of an interrupted run.

    Attributes:
        finished: the finished images.
        checkpoints: checkpoints of stopped batches.
    """

    finished: Finished = dataclasses.field(default_factory=Finished)
    checkpoints: BatchCheckpoints = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Outcome:
    """The end of a run.

    Attributes:
        failures: the images that could not be restored or saved.
        checkpoints: checkpoints of the batches that were stopped.
        interrupted: whether a signal stopped the run.
        figure: path of the last figure; None without one.
    """

    failures: list[Failure] = dataclasses.field(default_factory=list)
    checkpoints: list[BatchCheckpoint] = dataclasses.field(default_factory=list)
    interrupted: bool = False
    figure: Path | None = None


def run() -> int:
    """Runs the command with the flags that were parsed; returns the exit code.

    Returns:
        0 if all images are restored, 1 if some failed, 130 if a signal stopped the run.

    Raises:
        InputError: a flag or an input cannot be used.
    """
    if FLAGS.list_generators or FLAGS.list_presets:
        process.show(list_generators().rstrip() if FLAGS.list_generators else str(list_presets()))
        return 0
    if FLAGS.volume:
        return run_volume()
    plan = plan_run()
    with locked(plan.folder, shard=plan.shard, flags=plan.replay):
        earlier = earlier_run(plan)
        report_failures(plan.failures)
        save_failures(plan.folder, plan.failures, name=plan.shard.failures)
        done = {*earlier.finished.rows, *plan.inputs.unusable}
        if all(spec.name in done for spec in plan.specs):
            rows = list(earlier.finished.rows.values())
            tables.save_metrics_csv(plan.folder, rows, name=plan.shard.table)
            save_photographs(plan)
            return 1 if plan.failures else 0
        return report(execute(plan, earlier), plan)


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
    inputs = run_flags.prepare_inputs(config)
    if devices == [None]:  # The thread that compiles runs on TensorFlow's choice of device.
        resolution = inputs.requirements.resolution
        config = with_eager_warmup(config, num_images=len(inputs.specs), resolution=resolution)
    folder = output_folder.check_writable(FLAGS.output_dir)
    return Plan(config, inputs, folder, shard, devices, run_flags.effective())


def earlier_run(plan: Plan) -> EarlierRun:
    """Returns the results to resume from, or removes them if the run starts again."""
    shard, folder = plan.shard, plan.folder
    # Shards write flags.cfg at the same time.
    shared = ["probe", "flags.cfg"] if shard.count == 1 else []
    output_folder.tidy(folder, [shard.table, shard.failures, shard.state, *shared])
    if FLAGS.resume:
        usable = [spec for spec in plan.specs if spec.name not in plan.inputs.unusable]
        finished = resuming.find_finished(folder, usable, flags=plan.replay)
        for line in finished.lines(len(plan.specs)):
            process.say(line)
        writer.forget(folder, finished.changed)
        return EarlierRun(finished, resuming.load_checkpoints(folder, name=shard.state))
    # They may be of other flags, and must not count as results of this run if it is interrupted.
    writer.forget(folder, [spec.name for spec in plan.specs])
    resuming.save_checkpoints(folder, [], name=shard.state)
    return EarlierRun()


def execute(plan: Plan, earlier: EarlierRun) -> Outcome:
    """Restores the images that are not finished, and writes their results batch by batch."""
    writer.save_flags(plan.folder, plan.replay)
    rows = earlier.finished.rows
    table = tables.MetricsTable(plan.folder, list(rows.values()), name=plan.shard.table)
    restorers = [Restorer(plan.config, notify=process.say, device=d) for d in plan.devices]
    done = {*rows, *plan.inputs.unusable}
    num_images = len([spec for spec in plan.specs if spec.name not in done])
    with RunProgress(num_images, plan.config.total_steps) as progress:
        batches = restore_all(
            restorers,
            plan.inputs.specs,
            expected=plan.inputs.requirements,
            progress=progress,
            finished=rows,
            unusable=plan.inputs.unusable,
            shard=plan.shard,
            checkpoints=earlier.checkpoints,
            notify=progress.say,
        )
        outcome = _save(batches, plan, table, progress)
        # A signal that comes now must not lose the state.
        resuming.save_checkpoints(plan.folder, outcome.checkpoints, name=plan.shard.state)
    return outcome


def report(outcome: Outcome, plan: Plan) -> int:
    """Prints the failures and the path of the last figure; returns the exit code."""
    report_failures(outcome.failures)
    if not outcome.interrupted:
        save_photographs(plan)
    if outcome.figure is not None:
        process.show(str(outcome.figure))
    if outcome.interrupted:
        process.say("stopped; the results so far are saved")
        return STOPPED
    return 1 if outcome.failures or plan.failures else 0


def save_photographs(plan: Plan) -> None:
    """Writes the photographs with their restored faces, and prints their paths.

    A photograph is written by the shard that restores its last face.
    """
    corruption = create_corruption(plan.config.corruption) if plan.inputs.photographs else None
    for photograph in plan.inputs.photographs:
        restored = saved_photograph(photograph, plan.folder, corruption)
        if restored is not None and (plan.shard.count == 1 or restored.is_complete):
            process.show(str(restored.save(plan.folder)))


def report_failures(failures: list[Failure]) -> None:
    """Prints the failures, a line each; failures.csv has all."""
    for failure in failures[:_SHOWN]:
        process.say(f"failed: {failure}")
    if len(failures) > _SHOWN:
        process.say(f"failed: {len(failures) - _SHOWN} more images, which failures.csv lists")


def _save(
    batches: Iterable[BatchResult], plan: Plan, table: tables.MetricsTable, progress: RunProgress
) -> Outcome:
    """Writes the results of batches; an error of one image costs only that image."""
    outcome = Outcome()
    for batch in batches:
        failures = list(batch.failures)
        outcome.checkpoints += [batch.checkpoint] if batch.checkpoint else []
        for result in batch.images:
            failure = try_to_save(plan.folder, result, save_video=FLAGS.save_video)
            if failure is not None:
                failures.append(failure)
                continue
            outcome.figure = plan.folder / result.name / "figure.png"
            table.add([tables.metrics_row(result)])
            for warning in result.warnings:
                progress.say(f"warning: {result.name}: {warning}")
        outcome.failures += failures
        if failures:
            known = [*plan.failures, *outcome.failures]
            save_failures(plan.folder, known, name=plan.shard.failures)
        progress.finish(batch, failures=failures)
    outcome.interrupted = progress.stopped
    return outcome
