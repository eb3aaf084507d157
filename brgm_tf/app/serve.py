"""The command `python -m brgm_tf.app`: flags, the server, and its end."""

from __future__ import annotations

import contextlib
import logging
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from absl import flags

from brgm_tf.app import offline
from brgm_tf.app.examples import FIRST, Example
from brgm_tf.app.limits import Limits
from brgm_tf.app.owner import Owner, make_owner
from brgm_tf.cli import process, run_flags
from brgm_tf.core.errors import InputError

if TYPE_CHECKING:
    from brgm_tf.app.handlers import Handlers

FLAGS = flags.FLAGS
_LIMITS = Limits()

flags.adopt_module_key_flags(run_flags)  # --help lists them
flags.DEFINE_string("host", "127.0.0.1", "Address to listen at; 0.0.0.0 listens at all addresses")
flags.DEFINE_integer("port", 7860, "Port to listen at; 0 chooses a free one", 0, 65535)
flags.DEFINE_string(
    "root_path", "", "Path of the page behind a reverse proxy, such as /restore; '' for none"
)
flags.DEFINE_list(
    "generators", [], "Generators that visitors may choose (default: those that are tested)"
)
flags.DEFINE_list("corruptions", [], "Corruptions of your own for visitors, FILE.py:CLASS")
flags.DEFINE_float(
    "max_megapixels", _LIMITS.megapixels, "Most pixels of an upload, in millions", 0.001
)
flags.DEFINE_float(
    "max_megabytes", _LIMITS.megabytes, "Most bytes of an upload, in millions", 0.001
)
flags.DEFINE_integer("max_steps", _LIMITS.steps, "Most steps of a restoration", 10)
flags.DEFINE_integer("max_samples", _LIMITS.samples, "Most posterior samples", 1)
flags.DEFINE_integer("max_waiting", _LIMITS.waiting, "Most restorations that wait", 1)
flags.DEFINE_integer("max_programs", _LIMITS.programs, "Compiled restorers that are kept", 1)
flags.DEFINE_float(
    "max_worker_memory",
    _LIMITS.worker_gigabytes,
    "Memory in GB above which the process that restores is replaced before its next program",
    0.1,
)
flags.DEFINE_float(
    "idle_minutes", _LIMITS.idle_minutes, "Minutes after which an idle visitor's files go", 1
)


class Server(NamedTuple):
    """A running server.

    Attributes:
        page: the page, a launched `gradio.Blocks`.
        handlers: its handlers.
        stop: event that ends the deletion of old files.
    """

    page: Any
    handlers: Handlers
    stop: threading.Event

    def close(self) -> None:
        """Ends the server and its restorations."""
        self.stop.set()
        self.handlers.sessions.close_all()
        self.handlers.worker.close()
        self.page.close(verbose=False)


def run() -> int:
    """Serves the page until a signal ends it; returns the exit code.

    Raises:
        InputError: a flag cannot be used, or the port is taken.
    """
    with private_folder() as folder:
        offline.set_environment(folder)
        owner = owner_of_flags()
        check_port(FLAGS.host, FLAGS.port)
        ended = heed_signals()
        server = start(owner, folder, host=FLAGS.host, port=FLAGS.port, root_path=FLAGS.root_path)
        process.show(f"the page is at {server.page.local_url} (Ctrl-C ends it)")
        threading.Thread(target=server.handlers.warm, daemon=True).start()
        # Signals are handled by this thread but may wake another one, so it wakes up by itself.
        while not ended.wait(1.0):
            pass
        server.close()
    return 0


def owner_of_flags() -> Owner:
    """Returns what the parsed flags allow.

    Raises:
        InputError: a generator or a corruption does not exist.
    """
    limits = Limits(
        megapixels=FLAGS.max_megapixels,
        megabytes=FLAGS.max_megabytes,
        steps=FLAGS.max_steps,
        samples=FLAGS.max_samples,
        waiting=FLAGS.max_waiting,
        programs=FLAGS.max_programs,
        worker_gigabytes=FLAGS.max_worker_memory,
        idle_minutes=FLAGS.idle_minutes,
    )
    config = run_flags.parsed_config()
    options = {
        field: getattr(config, field)
        for flag, field in run_flags.CONFIG_FLAGS.items()
        # The default of the objective depends on the estimator of the visitor.
        if FLAGS[flag].present
    }
    options["overrides"] = config.overrides
    first = None
    if FLAGS.input is not None:
        given = ("input", "masks", *run_flags.CONFIG_FLAGS)
        values = {name: str(FLAGS[name].value) for name in given if FLAGS[name].value is not None}
        first = Example(FIRST, "Settings of the command", values)
    return make_owner(
        generators=FLAGS.generators,
        corruptions=FLAGS.corruptions,
        limits=limits,
        options=options,
        first=first,
    )


def start(owner: Owner, folder: Path, *, host: str, port: int, root_path: str = "") -> Server:
    """Starts the server in a thread.

    Args:
        owner: what the owner allows.
        folder: folder of uploads and results.
        host: address to listen at.
        port: port to listen at; 0 chooses a free one.
        root_path: path behind a reverse proxy.
    """
    from PIL import Image

    from brgm_tf.app.handlers import Handlers
    from brgm_tf.app.page import make_page
    from brgm_tf.app.sessions import Sessions
    from brgm_tf.app.style import STYLE_SHEET, make_theme
    from brgm_tf.app.worker_process import WorkerProcess

    # Imports TensorFlow while Gradio is imported here.
    worker = WorkerProcess(owner.limits)
    offline.refuse_addresses()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    limits = owner.limits
    # Every decoder of the process refuses larger pictures.
    Image.MAX_IMAGE_PIXELS = int(limits.megapixels * 1e6)
    sessions = Sessions(folder, idle_seconds=60 * limits.idle_minutes)
    handlers = Handlers(owner, sessions, worker)
    page = make_page(handlers)
    stop = threading.Event()
    threading.Thread(target=sessions.sweep_for_ever, args=(stop,), daemon=True).start()
    page.launch(
        server_name=host,
        server_port=port or free_port(host),
        root_path=root_path or None,
        max_file_size=int(limits.megabytes * 1e6),
        theme=make_theme(),
        css_paths=[STYLE_SHEET],
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        footer_links=[],
        state_session_capacity=1000,
    )
    return Server(page, handlers, stop)


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Makes a folder that only this user can read, and removes it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="brgm_tf_app_"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_port(host: str, port: int) -> None:
    """Checks that nothing listens at a port.

    Raises:
        InputError: the address cannot be used.
    """
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            "port", f"must be free ({reason})", remedy="Give another --port", host=host, port=port
        ) from None


def free_port(host: str) -> int:
    """Returns a port at which nothing listens now."""
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])


def heed_signals() -> threading.Event:
    """Returns an event that SIGINT and SIGTERM set from now on."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended
