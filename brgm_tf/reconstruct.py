"""The command: `python -m brgm_tf.reconstruct --flagfile=inpaint.cfg`, or `brgm-reconstruct`.

Flags become a frozen `Config`, inputs are checked, and images are restored batch by batch. A
flagfile that does not exist in the current folder is looked for in presets/. Exit codes: 0 done,
1 some images failed, 2 a flag or input cannot be used, 130 stopped.
"""

from brgm_tf.cli import process, restore, run_flags


def main() -> None:
    """Runs the command, and ends the process with its exit code."""
    process.list_flags_of(restore)
    process.run(restore.run, parse=run_flags.parse)


if __name__ == "__main__":
    main()
