"""Shards: the batches of a collection that one of several processes restores.

Batches are formed from the whole list, so all shards together give the results of one process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Sequence

from brgm_tf.core.errors import InputError

AUTO = "auto"
_WORKERS = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Shard:
    """The batches index, index + count, index + 2 count, ... of a collection.

    Args:
        index: index of this process, from 0.
        count: number of processes.

    Example:
        >>> Shard(1, 2).batches("abcdefg", batch_size=2)
        [['c', 'd'], ['g']]
    """

    index: int = 0
    count: int = 1

    def batches(self, specs: Sequence, *, batch_size: int) -> list[list]:
        """Returns the batches of this shard."""
        every = [list(specs[i : i + batch_size]) for i in range(0, len(specs), batch_size)]
        return every[self.index :: self.count]

    @property
    def table(self) -> str:
        """Name of the shard's table of metrics."""
        return f"metrics{self._suffix}.csv"

    @property
    def failures(self) -> str:
        """Name of the shard's table of failures."""
        return f"failures{self._suffix}.csv"

    @property
    def state(self) -> str:
        """Name of the file with the checkpoints of the shard's batches."""
        return f"state{self._suffix}.npz"

    @property
    def _suffix(self) -> str:
        return "" if self.count == 1 else f"-{self.index:05}-of-{self.count:05}"


def shard_of(text: str) -> Shard:
    """Returns the shard that a flag names.

    Args:
        text: 'INDEX/COUNT', such as '0/4' to '3/4'; or 'auto' for the task of this process in
            TF_CONFIG, among chief and workers, and for everything without TF_CONFIG.

    Raises:
        InputError: the text is neither, or TF_CONFIG does not describe this task.

    Example:
        >>> shard_of("0/4")
        Shard(index=0, count=4)
    """
    if text == AUTO:
        return _of_cluster(os.environ.get("TF_CONFIG", ""))
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not int(match[1]) < int(match[2]):
        raise InputError(
            "shard",
            "must be INDEX/COUNT with an index from 0 to COUNT - 1, or 'auto'",
            remedy="Give --shard=0/2 and --shard=1/2, for example",
            shard=text,
        )
    return Shard(int(match[1]), int(match[2]))


def _of_cluster(text: str) -> Shard:
    """Returns the shard of this task in TF_CONFIG; the chief comes before the workers.

    Reference: `tf.distribute.cluster_resolver.TFConfigClusterResolver`, which reads the same
    environment variable.
    """
    if not text.strip():
        return Shard()
    try:
        contents = json.loads(text)
        tasks = [
            (kind, i) for kind in _WORKERS for i in range(len(contents["cluster"].get(kind, [])))
        ]
        task = contents["task"]["type"], int(contents["task"]["index"])
        return Shard(tasks.index(task), len(tasks))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            "shard",
            "'auto' needs a TF_CONFIG with chief and workers, and this task among them",
            remedy="Give --shard=INDEX/COUNT",
            TF_CONFIG=text,
        ) from None
