"""Where a run leaves its results: a folder, or an address that they are copied to.

An address is what `tf.io.gfile` takes, such as gs://BUCKET/FOLDER. TensorFlow is imported only
when there is one.
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
    """Whether it is an address, and no folder."""
    return "://" in output_dir


class Destination:
    """The folder that a run writes to, and the address that its files are copied to, if any.

    Args:
        output_dir: a folder, or an address; created if need be.

    Raises:
        InputError: it cannot be written to.
    """

    def __init__(self, output_dir: str):
        self._address = output_dir.rstrip("/") if is_address(output_dir) else None
        if self._address is None:
            self.folder = output_folder.check_writable(output_dir)
            return
        with self._told():
            _gfile().makedirs(self._address)
            probe = f"{self._address}/.probe"
            with _gfile().GFile(probe, "w") as file:
                file.write("can be written to")
            _gfile().remove(probe)
        self.folder = Path(tempfile.mkdtemp(prefix="brgm_tf-"))

    def __enter__(self) -> Destination:
        return self

    def __exit__(self, *_) -> None:
        """Removes what was only written to be copied."""
        if self._address is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def fetch(self, names: Iterable[str]) -> None:
        """Brings files that an earlier run has left at the address, those that are there."""
        for name in names if self._address else ():
            with self._told():
                if _gfile().exists(f"{self._address}/{name}"):
                    _gfile().copy(f"{self._address}/{name}", str(self.folder / name))

    def publish(self, names: Iterable[str]) -> None:
        """Copies files of the folder, which replace those at the address.

        Raises:
            InputError: they cannot be written.
        """
        for name in names if self._address else ():
            with self._told():
                _gfile().copy(str(self.folder / name), f"{self._address}/{name}", overwrite=True)

    def publish_image(self, name: str) -> None:
        """Copies the results of an image, in the place of those of an earlier run.

        Its metrics.json comes last: where it is, the others are.
        """
        if self._address is None:
            return
        with self._told():
            if _gfile().exists(f"{self._address}/{name}"):
                _gfile().rmtree(f"{self._address}/{name}")
        home = self.folder / name
        files = [path for path in sorted(home.rglob("*")) if path.is_file()]
        files.sort(key=lambda path: path.name == writer.METRICS_NAME)
        for path in files:
            relative = path.relative_to(self.folder)
            with self._told():
                _gfile().makedirs(f"{self._address}/{relative.parent}")
            self.publish([str(relative)])
        shutil.rmtree(home)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            raise output_folder.unwritable(self._address, error) from None


def _gfile():
    import tensorflow as tf

    return tf.io.gfile
