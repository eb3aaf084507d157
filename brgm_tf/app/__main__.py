"""`python -m brgm_tf.app`, or `brgm-app`: serves the page on this machine.

Flags of `brgm_tf.reconstruct`, in a flagfile or not, set what the page starts with.
"""

from brgm_tf.app import serve
from brgm_tf.cli import process, run_flags


def main() -> None:
    """Runs the command, and ends the process with its exit code."""
    process.list_flags_of(serve)
    process.run(serve.run, parse=run_flags.parse)


if __name__ == "__main__":
    main()
