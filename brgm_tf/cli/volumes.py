"""The command for a volume (`--volume`): plan, resume, restore, save."""

from __future__ import annotations

import json
from pathlib import Path

from absl import flags

from brgm_tf.cli import process, run_flags
from brgm_tf.cli.process import STOPPED
from brgm_tf.cli.progress import RunProgress
from brgm_tf.cli.run_lock import locked
from brgm_tf.io import output_folder
from brgm_tf.pipeline import resuming
from brgm_tf.pipeline.batch_result import BatchCheckpoint
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.sharding import Shard
from brgm_tf.pipeline.volume_plan import VolumePlan, plan_volume
from brgm_tf.pipeline.volumes import load_missing_voxels, load_volume, restore_plan
from brgm_tf.reporting import writer
from brgm_tf.reporting.volume_results import METRICS_NAME

FLAGS = flags.FLAGS


def run_volume() -> int:
    """Restores the volume of the parsed flags; returns the exit code.

    Returns:
        0 if the volume is restored, 130 if a signal stopped the run.

    Raises:
        InputError: A flag or the volume cannot be used.
    """
    config = run_flags.checked_config()
    volume = load_volume(FLAGS.input, config)
    plan = plan_volume(volume, config, missing=load_missing_voxels(FLAGS.masks, volume, config))
    folder, shard = output_folder.check_writable(FLAGS.output_dir), Shard()
    replay = run_flags.effective()
    with locked(folder, shard=shard, flags=replay):
        checkpoint = None
        if FLAGS.resume:
            resuming.check_same_run(folder, replay)
            if _is_complete(folder / volume.name / METRICS_NAME):
                process.say(f"{volume.name} was finished before")
                return 0
            states = resuming.load_checkpoints(folder, name=shard.state)
            checkpoint = states.get((volume.name,))
        else:
            resuming.save_checkpoints(folder, [], name=shard.state)
        writer.forget(folder, [volume.name])
        writer.save_flags(folder, replay)
        return _restore(plan, config, folder, checkpoint)


def _restore(
    plan: VolumePlan, config: Config, folder: Path, checkpoint: BatchCheckpoint | None
) -> int:
    with RunProgress(1, config.num_steps) as progress:
        outcome = restore_plan(
            plan, config, progress=progress, notify=progress.say, checkpoint=checkpoint
        )
        home = outcome.result.save(folder, save_video=FLAGS.save_video)
        # A signal that comes now must not lose the state.
        checkpoints = [outcome.checkpoint] if outcome.checkpoint else []
        resuming.save_checkpoints(folder, checkpoints, name=Shard().state)
        for warning in outcome.result.warnings:
            progress.say(f"warning: {warning}")
    process.show(str(home / "figure.png"))
    if progress.stopped:
        process.say("stopped; the state is saved")
        return STOPPED
    return 0


def _is_complete(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_bytes())["complete"])
    # A file that cannot be read is written again.
    except (OSError, ValueError, KeyError, TypeError):
        return False
