"""Sessions: the files of each visitor, apart from each other and deleted with the session."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from brgm_tf.app.messages import Refusal

_FOLDER = "sessions"
_UPLOAD_SECONDS = 600  # files of an upload that no handler has taken
_SWEEP_SECONDS = 30


@dataclasses.dataclass(eq=False)
class Session:
    """One open page.

    Attributes:
        folder: folder of its files; its name cannot be guessed.
        input: uploaded or chosen picture; None before there is one.
        photograph: width and height of a photograph that is shown whole; None for other pictures.
        stop: set to stop the restoration.
        is_running: whether a restoration runs or waits.
        used: time of the last request, of `time.monotonic`.
    """

    folder: Path
    input: Path | str | None = None
    photograph: tuple[int, int] | None = None
    stop: threading.Event = dataclasses.field(default_factory=threading.Event)
    is_running: bool = False
    used: float = dataclasses.field(default_factory=time.monotonic)
    _count: int = 0

    def new_folder(self, kind: str) -> Path:
        """Returns a new folder for files of a kind, and removes the earlier ones of the kind.

        A browser shows a changed picture only if its path is new.
        """
        self._count += 1
        folder = self.folder / f"{kind}-{self._count}"
        folder.mkdir(parents=True)
        for earlier in self.folder.glob(f"{kind}-*"):
            if earlier != folder:
                shutil.rmtree(earlier, ignore_errors=True)
        return folder


class Sessions:
    """All open sessions.

    Args:
        folder: folder that belongs to the server alone; Gradio keeps uploads in it as well.
        idle_seconds: seconds after which an idle session is closed.
        clock: function that returns the time in seconds.
    """

    def __init__(
        self, folder: Path, *, idle_seconds: float, clock: Callable[[], float] = time.monotonic
    ):
        self.folder = folder
        self._home = folder / _FOLDER
        self._home.mkdir(parents=True, exist_ok=True)
        self._idle_seconds, self._clock = idle_seconds, clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, key: str | None) -> Session:
        """Returns the session of a key, which is made by the first request.

        Raises:
            Refusal: the request has no key.
        """
        if not key:
            raise Refusal("", "The page has no session. Load it again.")
        with self._lock:
            if key not in self._sessions:
                folder = self._home / secrets.token_urlsafe(16)
                folder.mkdir()
                self._sessions[key] = Session(folder)
            session = self._sessions[key]
            session.used = self._clock()
            return session

    def touch(self, session: Session) -> None:
        """Marks a session as used now; a closed session stays closed."""
        session.used = self._clock()

    def count_running(self) -> int:
        """Returns the number of sessions whose restoration runs or waits."""
        with self._lock:
            return sum(session.is_running for session in self._sessions.values())

    def close(self, key: str | None) -> None:
        """Stops the restoration of a session, and deletes its files."""
        with self._lock:
            session = self._sessions.pop(key or "", None)
        if session is not None:
            session.stop.set()
            shutil.rmtree(session.folder, ignore_errors=True)

    def close_all(self) -> None:
        """Closes all sessions."""
        for key in list(self._sessions):
            self.close(key)

    def sweep(self) -> None:
        """Closes idle sessions, and deletes uploads that no handler has taken."""
        now = self._clock()
        with self._lock:
            idle = [
                key
                for key, session in self._sessions.items()
                if not session.is_running and now - session.used > self._idle_seconds
            ]
        for key in idle:
            self.close(key)
        self._sweep_files()

    def _sweep_files(self) -> None:
        oldest = time.time() - _UPLOAD_SECONDS
        kept = {session.folder for session in self._sessions.values()}
        for path in self.folder.iterdir():
            if path != self._home and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
        # A restoration that was stopped may write after its session was closed.
        for path in self._home.iterdir():
            if path not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def sweep_for_ever(self, stop: threading.Event) -> None:
        """Sweeps at equal intervals until an event is set."""
        while not stop.wait(_SWEEP_SECONDS):
            try:
                self.sweep()
            except OSError:  # A file went away in the meantime.
                continue
