"""`python -m brgm_tf.reconstruct` within the process of a test."""

from absl.testing import flagsaver

from brgm_tf import reconstruct
from brgm_tf.cli import run_flags
from brgm_tf.cli.process import guarded


def command(*flags):
    """The exit code of the command, run in this process."""
    with flagsaver.flagsaver():
        run_flags.FLAGS.unparse_flags()
        try:
            run_flags.parse(["reconstruct", *map(str, flags)])
        except SystemExit as stop:
            return stop.code
        return guarded(reconstruct._run)
