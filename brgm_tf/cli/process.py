"""Parts of all commands: one-line errors for flags, and quiet imports of TensorFlow."""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import logging
import os
import sys
import tempfile
import threading
import types
from collections.abc import Callable, Iterator

from absl import app, flags

from brgm_tf.cli import flagfiles
from brgm_tf.cli.compile_cache import keep_programs
from brgm_tf.cli.memory import keep_freed
from brgm_tf.core.errors import CombinedInputError, InputError
from brgm_tf.core.terminal import SafeStream, protect

UNUSABLE = 2  # exit code: a flag or an input cannot be used
STOPPED = 130  # exit code: stopped by a signal
# The older emitters compile loops in two thirds of the time, and the loops are as fast.
_XLA = "--xla_cpu_use_fusion_emitters=false"


def say(line: str) -> None:
    """Writes a line of text to stderr; the line is lost if nobody can receive it."""
    _write(sys.stderr, line)


def show(line: str) -> None:
    """Writes a line of text to stdout; the line is lost if nobody can receive it."""
    _write(sys.stdout, line)


def _write(stream, line: str) -> None:
    safe = SafeStream(stream)
    safe.write(line + "\n")
    safe.flush()


def run(main: Callable[[], int], *, parse: Callable[[list[str]], list[str]]) -> None:
    """Runs a command with absl flags, and ends the process with its exit code.

    Args:
        main: returns the exit code; see `guarded`.
        parse: parses the arguments of the process; see `parse_flags`.
    """
    protect()
    hush()
    app.run(lambda _: _end(guarded(main)), flags_parser=parse)


def list_flags_of(module: types.ModuleType) -> None:
    """Lets `--help` list the key flags of a module.

    absl lists the flags of the main module. In an installed command, such as brgm-reconstruct, this
    is a file without flags.
    """
    for flag in flags.FLAGS.get_key_flags_for_module(module):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def _end(code: int) -> None:
    """Ends the process; after a stop at once, without waiting for its threads."""
    if code == STOPPED and threading.active_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def parse_flags(
    arguments: list[str], *, instead: str, change: Callable[[str], str] = str
) -> list[str]:
    """Parses absl flags; an error is one line and exit code 2.

    Args:
        arguments: arguments of the process.
        instead: advice for an argument that is no flag, such as 'give an image by --input'.
        change: applied to every argument first; it may raise flags.Error.

    Returns:
        The arguments that are no flags: the name of the program.
    """
    try:
        rest = flags.FLAGS([arguments[0], *flagfiles.expand(arguments[1:], change=change)])
    except (flags.Error, OSError) as error:
        say(f"error: {' '.join(str(error).split())} (--help lists the flags)")
        sys.exit(UNUSABLE)
    if len(rest) > 1:
        say(f"error: `{rest[1]}` is not a flag; {instead}")
        sys.exit(UNUSABLE)
    return rest


def guarded(main: Callable[[], int]) -> int:
    """Returns the exit code of `main`, without a traceback for errors of the user.

    An `InputError` is printed as one line, several as a line each, with code 2. A Ctrl-C that
    `main` does not handle is code 130.
    """
    try:
        return main()
    except CombinedInputError as errors:
        for error in errors.each:
            say(f"error: --{error.argument}: {error}")
        return UNUSABLE
    except InputError as error:
        say(f"error: --{error.argument}: {error}")
        return UNUSABLE
    except KeyboardInterrupt:
        say("stopped at once")
        return STOPPED


def positive(text: str) -> int:
    """Parses an integer of at least 1, for `argparse`.

    Raises:
        argparse.ArgumentTypeError: the text is no such integer.

    Example:
        >>> positive("3")
        3
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be an integer of at least 1")
    return int(text)


def hush() -> None:
    """Lets TensorFlow log only errors, unless the user has set a level.

    With several generators, one after the other, it would warn of retracing.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logger = logging.getLogger("tensorflow")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.ERROR)


def import_to_restore(*, batch_size: int) -> None:
    """Imports TensorFlow, set up to compile fast rather than to run a little faster.

    Args:
        batch_size: number of images in one program. For one image, XLA then compiles in 60 % of
            the time, and programs are 1 % slower. For eight they would be 5 % slower, so larger
            batches keep XLA's optimizations.
    """
    if batch_size == 1:
        os.environ.setdefault("XLA_FLAGS", f"{_XLA} --xla_backend_optimization_level=1")
    # Without TensorFlow in the process, TensorFlow Probability loads modules only as they are used.
    import_quietly("tensorflow_probability")
    import_quietly("tensorflow")
    import tensorflow as tf

    # Grappler rewrites graphs that XLA does not compile, but they run only a few times a batch.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def import_quietly(name: str) -> None:
    """Imports a module without the log lines that its C++ code writes during the import.

    Compiled programs (`compile_cache`) and freed memory (`memory`) are kept from then on.

    Args:
        name: name of the module, such as 'tensorflow' or 'keras'.
    """
    hush()
    os.environ.setdefault("XLA_FLAGS", _XLA)
    keep_programs()
    keep_freed()
    with _silent_stderr(), _without_collecting():
        importlib.import_module(name)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Disables garbage collection in the context, and exempts all objects that exist at its end.

    Otherwise the collector would scan hundreds of thousands of objects of modules in vain, which
    takes a quarter of the import of TensorFlow and Keras.
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
    """Holds back text written to descriptor 2; an error writes it."""
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
