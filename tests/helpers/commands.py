"""Runs `python -m brgm_tf.reconstruct` in the process of a test."""

from absl.testing import flagsaver

from brgm_tf.cli import restore, run_flags
from brgm_tf.cli.process import guarded


def command(*flags):
    """Runs the command in this process; returns its exit code."""
    with flagsaver.flagsaver():
        run_flags.FLAGS.unparse_flags()
        try:
            run_flags.parse(["reconstruct", *map(str, flags)])
        except SystemExit as stop:
            return stop.code
        return guarded(restore.run)
