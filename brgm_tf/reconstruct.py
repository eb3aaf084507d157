"""The command: `python -m brgm_tf.reconstruct --flagfile=inpaint.cfg`.

Flags become a frozen `Config`, inputs are checked, and images are restored batch by
batch. A flagfile that is not found where the user stands is looked for in presets/.
Exit codes: 0 done, 1 some images failed, 2 a flag or input cannot be used, 130 stopped.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

from absl import flags

from brgm_tf.cli import process, run_flags
from brgm_tf.core.errors import InputError
from brgm_tf.core.progress import display
from brgm_tf.generators.loading import list_generators
from brgm_tf.io import output_folder
from brgm_tf.pipeline import resuming
from brgm_tf.pipeline.api import prepare, with_eager_warmup
from brgm_tf.pipeline.batches import restore_all
from brgm_tf.pipeline.devices import STRATEGIES, devices_of
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.pipeline.sharding import AUTO as ALL_OR_CLUSTER
from brgm_tf.pipeline.sharding import shard_of
from brgm_tf.reporting import tables, writer
from brgm_tf.reporting.destination import is_address
from brgm_tf.reporting.results import BatchCheckpoint

FLAGS = flags.FLAGS
STOPPED = 130

flags.adopt_module_key_flags(run_flags)  # --help lists them
flags.DEFINE_bool("list_generators", False, "say where the named generators are from, and stop")
flags.DEFINE_string(
    "shard",
    ALL_OR_CLUSTER,
    "INDEX/COUNT: of COUNT processes on the same input the one that restores every COUNT-th batch, "
    "from INDEX on; 'auto': as TF_CONFIG says, else everything",
)
flags.DEFINE_enum(
    "strategy",
    "auto",
    list(STRATEGIES),
    "devices, each of which restores batches of its own: "
    + "; ".join(f"{name}, {what}" for name, what in STRATEGIES.items()),
)


def main() -> None:
    """Runs the command; the exit code is the process's."""
    process.run(_run, parse=run_flags.parse)


def _run() -> int:
    if FLAGS.list_generators:
        sys.stdout.write(list_generators())
        return 0
    # What takes no time is checked first.
    if is_address(FLAGS.output_dir):
        raise InputError(
            "output_dir",
            "must be a folder",
            remedy="tools/reconstruct_cluster.py takes addresses",
            output_dir=FLAGS.output_dir,
        )
    shard = shard_of(FLAGS.shard)
    config = run_flags.checked_config()
    devices = devices_of(FLAGS.strategy)
    specs, expected = prepare(FLAGS.input, config=config, masks=FLAGS.masks)
    folder = output_folder.check_writable(FLAGS.output_dir)
    # Shards write flags.cfg at the same time.
    output_folder.tidy(
        folder, [shard.table, shard.state] + ["probe", "flags.cfg"] * (shard.count == 1)
    )
    own = [spec.name for batch in shard.own(specs, batch_size=config.batch_size) for spec in batch]
    replay, finished, checkpoint = run_flags.effective(), {}, {}
    if FLAGS.resume:
        finished = resuming.finished_rows(folder, own, flags=replay)
        checkpoint = resuming.load_checkpoints(folder, name=shard.state)
        process.say(f"{len(finished)} of {len(own)} images were finished before")
    else:
        # Of other flags, perhaps; if this run is interrupted, they must not count as its own.
        writer.forget(folder, own)
        resuming.save_checkpoints(folder, [], name=shard.state)
    if len(finished) == len(own):
        return 0
    writer.save_flags(folder, replay)
    table = tables.MetricsTable(folder, list(finished.values()), name=shard.table)
    if devices == [None]:  # a thread that compiles knows of no device
        config = with_eager_warmup(config, num_images=len(specs), resolution=expected.resolution)
    restorers = [Restorer(config, notify=process.say, device=device) for device in devices]
    with _Progress(len(own) - len(finished), config.num_steps) as progress:
        batches = restore_all(
            restorers,
            specs,
            expected=expected,
            progress=progress,
            finished=finished,
            shard=shard,
            checkpoint=checkpoint,
            notify=progress.say,
        )
        failures, stopped = _save_all(batches, folder, table, progress)
    resuming.save_checkpoints(folder, stopped, name=shard.state)
    for name, message in failures:
        process.say(f"failed: {name}: {message}")
    if progress.stopped:
        process.say("stopped; what was done is kept")
        return STOPPED
    return 1 if failures else 0


def _save_all(
    batches, folder: Path, table, progress
) -> tuple[list[tuple[str, str]], list[BatchCheckpoint]]:
    """Saves what is restored, batch by batch; returns the failures, and where batches stopped."""
    failures, stopped, last = [], [], None
    for batch in batches:
        failures += batch.failures
        stopped += [batch.checkpoint] if batch.checkpoint else []
        for result in batch.images:
            writer.save_image_result(folder, result, save_video=FLAGS.save_video)
            last = folder / result.name / "figure.png"
            for warning in result.warnings:
                progress.say(f"warning: {result.name}: {warning}")
        table.add([tables.metrics_row(result) for result in batch.images])
        progress.finish(batch)
    if last is not None:
        progress.close()
        sys.stdout.write(f"{last}\n")
    return failures, stopped


class _Progress:
    """Shows all steps of all images; a first Ctrl-C stops at the chunk's end."""

    def __init__(self, num_images: int, num_steps: int):
        self._num_steps = num_steps
        self._done = 0
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.stopped = False
        self._display = display(num_images * num_steps, stream=sys.stderr)
        images = f"{num_images} image{'s' * (num_images > 1)}"
        self._display.update(0, doing=f"{images}: compiling")

    def __enter__(self) -> _Progress:
        self._previous = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self.close()

    def __call__(self, step) -> bool:
        """Counts steps of images of a batch; called from the thread that restores it."""
        if step.note:
            self.say(step.note)
        with self._lock:
            self._running |= dict.fromkeys(step.names, step.step)
            self._show(
                doing=", ".join(step.names[:2]) + ("..." if len(step.names) > 2 else ""),
                note=f"loss {sum(step.terms.values()):.4g}",
            )
        return self.stopped

    def finish(self, batch) -> None:
        """Counts the images of a batch that was not stopped, whatever became of them."""
        names = [image.name for image in batch.images] + [name for name, _ in batch.failures]
        if batch.stopped:
            return
        with self._lock:
            self._done += len(names)
            for name in names:
                self._running.pop(name, None)
            rate = 3600 * self._done / (time.monotonic() - self._begun)
            self._show(doing=f"{self._done} saved, {rate:.0f} an hour")

    def _show(self, **options) -> None:
        done = self._done * self._num_steps + sum(self._running.values())
        self._display.update(done, **options)

    def say(self, line: str) -> None:
        """Writes a line that does not disturb what is shown."""
        self._display.say(line)

    def close(self) -> None:
        """Ends what is shown."""
        self._display.close()

    def _stop(self, *_) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True


if __name__ == "__main__":
    main()
