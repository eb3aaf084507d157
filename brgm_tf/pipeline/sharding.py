"""Which share of a collection one of several processes restores: whole batches, in turn.

Batches are those of the whole list, so that the results of all shards are those of one process.
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
        index: of this process, from 0.
        count: of the processes.
    """

    index: int = 0
    count: int = 1

    def own(self, specs: Sequence, *, batch_size: int) -> list[list]:
        """The batches of this shard."""
        batches = [list(specs[i : i + batch_size]) for i in range(0, len(specs), batch_size)]
        return batches[self.index :: self.count]

    @property
    def table(self) -> str:
        """The name of its table of metrics."""
        return f"metrics{self._suffix}.csv"

    @property
    def state(self) -> str:
        """The name of the file in which it keeps batches that were stopped."""
        return f"state{self._suffix}.npz"

    @property
    def _suffix(self) -> str:
        return "" if self.count == 1 else f"-{self.index:05}-of-{self.count:05}"


def shard_of(text: str) -> Shard:
    """The shard that a flag says.

    Args:
        text: 'INDEX/COUNT', such as '0/4' to '3/4'; or 'auto': of a cluster that TF_CONFIG
            describes the task of this process among chief and workers, else everything.

    Raises:
        InputError: it is neither, or TF_CONFIG is no such description.
    """
    if text == AUTO:
        return _of_cluster(os.environ.get("TF_CONFIG", ""))
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not int(match[1]) < int(match[2]):
        raise InputError(
            "shard",
            "must be INDEX/COUNT with an index from 0 to COUNT - 1, or 'auto'",
            remedy="Such as --shard=0/2 and --shard=1/2",
            shard=text,
        )
    return Shard(int(match[1]), int(match[2]))


def _of_cluster(text: str) -> Shard:
    """The shard of a task of TF_CONFIG, chief before workers.

    Reference: the environment variable as `tf.distribute.cluster_resolver.TFConfigClusterResolver`
    reads it.
    """
    if not text.strip():
        return Shard()
    try:
        contents = json.loads(text)
        tasks = [
            (kind, i) for kind in _WORKERS for i in range(len(contents["cluster"].get(kind, [])))
        ]
        own = contents["task"]["type"], int(contents["task"]["index"])
        return Shard(tasks.index(own), len(tasks))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            "shard",
            "'auto' needs a TF_CONFIG with chief and workers, and this task among them",
            remedy="Give --shard=INDEX/COUNT",
            TF_CONFIG=text,
        ) from None
