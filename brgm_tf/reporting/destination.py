"""Destinations of results: a folder, or an address to which files are copied.

`tf.io.gfile` reads and writes addresses, such as gs://BUCKET/FOLDER. TensorFlow is imported only
for an address.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from brgm_tf.io import output_folder
from brgm_tf.reporting import writer


def is_address(output_dir: str) -> bool:
    """Returns whether a destination is an address rather than a folder.

    Example:
        >>> is_address("gs://bucket/results"), is_address("results")
        (True, False)
    """
    return "://" in output_dir


class Destination:
    """The folder that a run writes to, and the address to which its files are copied.

    As a context manager it removes the temporary folder of an address.

    Args:
        output_dir: a folder or an address; created if needed.

    Attributes:
        folder: folder to write to; for an address, a temporary folder.

    Raises:
        InputError: the destination cannot be written to.
    """

    def __init__(self, output_dir: str):
        self._address = output_dir.rstrip("/") if is_address(output_dir) else None
        if self._address is None:
            self.folder = output_folder.check_writable(output_dir)
            return
        with self._errors():
            _gfile().makedirs(self._address)
            probe = f"{self._address}/.probe"
            with _gfile().GFile(probe, "w") as file:
                file.write("can be written to")
            _gfile().remove(probe)
        self.folder = Path(tempfile.mkdtemp(prefix="brgm_tf-"))

    def __enter__(self) -> Destination:
        return self

    def __exit__(self, *_) -> None:
        if self._address is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def fetch(self, names: Iterable[str]) -> None:
        """Copies the files of an earlier run from the address to the folder, if they exist."""
        for name in names if self._address else ():
            with self._errors():
                if _gfile().exists(f"{self._address}/{name}"):
                    _gfile().copy(f"{self._address}/{name}", str(self.folder / name))

    def publish(self, names: Iterable[str]) -> None:
        """Copies files from the folder to the address, and replaces files there.

        Raises:
            InputError: a file cannot be written.
        """
        for name in names if self._address else ():
            with self._errors():
                _gfile().copy(str(self.folder / name), f"{self._address}/{name}", overwrite=True)

    def remove(self, name: str) -> None:
        """Removes a file from the address if it exists there."""
        if self._address is not None:
            with self._errors():
                if _gfile().exists(f"{self._address}/{name}"):
                    _gfile().remove(f"{self._address}/{name}")

    def publish_image(self, name: str) -> None:
        """Copies the results of an image to the address, and replaces earlier results.

        metrics.json is copied last, so its presence means that all files are there.
        """
        if self._address is None:
            return
        with self._errors():
            if _gfile().exists(f"{self._address}/{name}"):
                _gfile().rmtree(f"{self._address}/{name}")
        home = self.folder / name
        files = [path for path in sorted(home.rglob("*")) if path.is_file()]
        files.sort(key=lambda path: path.name == writer.METRICS_NAME)
        for path in files:
            relative = path.relative_to(self.folder)
            with self._errors():
                _gfile().makedirs(f"{self._address}/{relative.parent}")
            self.publish([str(relative)])
        shutil.rmtree(home)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Raises errors of TensorFlow's file systems as `InputError`."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            raise output_folder.unwritable(str(self._address), error) from None


def _gfile():
    import tensorflow as tf

    return tf.io.gfile
