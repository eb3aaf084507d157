"""What the commands share: flags read without a traceback, TensorFlow imported without a word."""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator

from absl import app, flags

from brgm_tf.cli.compile_cache import keep_programs
from brgm_tf.cli.memory import keep_freed
from brgm_tf.core.errors import InputError

CANNOT = 2  # exit code: a flag or an input cannot be used
# Loops are compiled by the older way, in two thirds of the time; they are no slower.
_XLA = "--xla_cpu_use_fusion_emitters=false"


def say(line: str) -> None:
    """Writes a line to stderr."""
    sys.stderr.write(line + "\n")


def run(main: Callable[[], int], *, parse: Callable[[list[str]], list[str]]) -> None:
    """Runs a command whose flags are absl's; the exit code is the process's.

    Args:
        main: returns the exit code. An `InputError` becomes one line and code 2.
        parse: reads the process's arguments, as `parse_flags` does.
    """
    hush()
    app.run(lambda _: sys.exit(guarded(main)), flags_parser=parse)


def parse_flags(
    arguments: list[str], *, instead: str, change: Callable[[str], str] = str
) -> list[str]:
    """Reads absl's flags; what is wrong with them is one line and exit code 2.

    Args:
        arguments: of the process.
        instead: words for what an argument that is no flag should have been, such as
            'an image is given by --input'.
        change: applied to every argument before; may raise flags.Error.
    """
    try:
        rest = flags.FLAGS([arguments[0], *map(change, arguments[1:])])
    except (flags.Error, OSError) as error:
        say(f"error: {' '.join(str(error).split())} (--help lists the flags)")
        sys.exit(CANNOT)
    if len(rest) > 1:
        say(f"error: `{rest[1]}` is no flag; {instead}")
        sys.exit(CANNOT)
    return rest


def guarded(main: Callable[[], int]) -> int:
    """The exit code of `main`; what cannot be used is told in one line."""
    try:
        return main()
    except InputError as error:
        say(f"error: --{error.argument}: {error}")
        return CANNOT


def positive(text: str) -> int:
    """Reads an integer of at least 1, for `argparse`.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be an integer of at least 1")
    return int(text)


def hush() -> None:
    """Has TensorFlow log nothing but errors, unless the user has said otherwise.

    It would warn of retracing where several generators are used, one after the other.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logger = logging.getLogger("tensorflow")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.ERROR)


def import_to_restore(*, batch_size: int) -> None:
    """Imports TensorFlow, set up for programs that are soon ready rather than a little faster.

    Args:
        batch_size: images in one program. For one XLA compiles in six tenths of the time, programs
            that are a hundredth slower; for eight they would be a twentieth slower.
    """
    if batch_size == 1:
        os.environ.setdefault("XLA_FLAGS", f"{_XLA} --xla_backend_optimization_level=1")
    import_quietly("tensorflow")
    import tensorflow as tf

    # Grappler rewrites the graphs that XLA does not compile, which run a few times a batch only.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def import_quietly(name: str) -> None:
    """Imports a module without the lines that its C++ side writes before logging is set up.

    Args:
        name: such as 'tensorflow' or 'keras', whose programs (`compile_cache`) and freed
            memory (`memory`) are kept.
    """
    hush()
    os.environ.setdefault("XLA_FLAGS", _XLA)
    keep_programs()
    keep_freed()
    with _silent_stderr(), _without_collecting():
        importlib.import_module(name)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Does not look for garbage, and never again among what is there at the end.

    Hundreds of thousands of objects of modules would be looked at again and again, in vain: a
    quarter of the time that TensorFlow and Keras take to import.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keeps back what is written to descriptor 2; an error brings it out."""
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(2)
        os.dup2(captured.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            if failed:
                captured.seek(0)
                os.write(2, captured.read())
