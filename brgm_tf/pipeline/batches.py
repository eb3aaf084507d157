"""Restores a collection: batch after batch, on one device or several, whatever fails in it.

A batch is always made of the same images, so that an image has the same neighbours, and thus the
same bits, however often a run was interrupted and however many devices share the work:

- an image whose numbers overflow costs only itself: another one of its batch takes its place, and
  the others keep their program;
- where memory runs out, a batch is restored in halves, and a line says so.
"""

from __future__ import annotations

import collections
import dataclasses
import queue
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from brgm_tf.core.errors import InputError, NotFiniteError
from brgm_tf.io import inputs
from brgm_tf.pipeline.restorer import Restorer, Step
from brgm_tf.pipeline.sharding import Shard
from brgm_tf.reporting.results import BatchCheckpoint, BatchResult

Progress = Callable[[Step], object]
# Where batches were stopped, by the names of their images.
BatchCheckpoints = Mapping[tuple[str, ...], BatchCheckpoint]
_SECONDS_ASLEEP = 0.2


def restore_all(
    restorers: Sequence[Restorer],
    specs: Sequence[inputs.InputSpec],
    *,
    expected: inputs.InputRequirements,
    progress: Progress | None = None,
    finished: Collection[str] = (),
    shard: Shard | None = None,
    checkpoint: BatchCheckpoints | None = None,
    notify: Callable[[str], object] | None = None,
) -> Iterator[BatchResult]:
    """Yields the result of each batch, in order; stops after those that were stopped.

    A batch with something left is computed as a whole. While batches are restored, the next one
    is loaded.

    Args:
        restorers: one for each device, of the same configuration; each restores a batch at a time.
        jobs: what is to be restored.
        expected: of the inputs.
        progress: called with a `Step` after every chunk of steps, from several threads;
            returning True stops.
        finished: names of jobs whose results are there already, which are not yielded.
        shard: whose batches are restored; None for all.
        checkpoint: where batches were when an earlier run was stopped.
        notify: called with a line for each thing worth telling.
    """
    size = restorers[0].config.batch_size
    batches = (shard or Shard()).own(specs, batch_size=size)
    batches = [batch for batch in batches if not all(spec.name in finished for spec in batch)]
    crew = _Crew(restorers, expected=expected, checkpoint=checkpoint or {}, notify=notify)
    for result in crew.run(batches, progress):
        images = tuple(image for image in result.images if image.name not in finished)
        yield dataclasses.replace(result, images=images)


class _Crew:
    """Workers that take batches in turn."""

    def __init__(
        self, restorers, *, expected: inputs.InputRequirements, checkpoint: BatchCheckpoints, notify
    ):
        self._expected = expected
        self._workers = [_Worker(r, checkpoint=checkpoint, notify=notify) for r in restorers]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._stopping = threading.Event()
        self._turn, self._next = threading.Condition(), 0

    def run(self, batches: Iterable[Sequence[inputs.InputSpec]], progress) -> Iterator[BatchResult]:
        """The batches' results, in their order."""
        count = len(self._workers)
        pending: collections.deque = collections.deque()
        # Besides the workers' threads, one loads the next batch, and one waits with it.
        with ThreadPoolExecutor(count + 2) as pool:
            try:
                for number, batch in enumerate(batches):
                    loading = pool.submit(self._load, batch)
                    pending.append(pool.submit(self._restore, number, loading, progress))
                    if len(pending) > count:
                        yield from _known(pending.popleft())
                    if self._stopping.is_set():
                        break
                while pending:
                    yield from _known(pending.popleft())
            finally:  # what the others are at ends with their next chunk
                self._stopping.set()

    def _load(self, batch: Sequence[inputs.InputSpec]):
        """What can be loaded of a batch, and the failures."""
        loaded, failures = [], []
        for spec in batch:
            try:
                loaded.append(inputs.load(spec, expected=self._expected))
            except InputError as error:
                failures.append((spec.name, str(error)))
        return loaded, failures

    def _restore(self, number: int, loading, progress) -> BatchResult | None:
        """The result of a batch; None where all was stopped before it began."""
        worker = self._worker_for(number)
        try:
            if self._stopping.is_set():
                return None
            loaded, failures = loading.result()
            result = worker.restore(loaded, self._watched(progress))
        finally:
            self._idle.put(worker)
        if result.stopped:
            self._stopping.set()
        return dataclasses.replace(result, failures=(*failures, *result.failures))

    def _worker_for(self, number: int) -> _Worker:
        """A worker that has nothing to do, when all batches before this one have had theirs."""
        with self._turn:
            self._turn.wait_for(lambda: self._next == number)
            worker = self._idle.get()
            self._next += 1
            self._turn.notify_all()
        return worker

    def _watched(self, progress: Progress | None) -> Progress:
        def watched(step: Step) -> bool:
            asked = progress is not None and progress(step)
            return bool(asked) or self._stopping.is_set()

        return watched


def _known(future) -> Iterator[BatchResult]:
    # Now and then awake: a signal is handled by this thread, but may wake another one.
    while not future.done():
        wait([future], timeout=_SECONDS_ASLEEP)
    result = future.result()
    if result is not None:
        yield result


class _Worker:
    """Restores batches by one restorer, in parts where its memory does not hold a whole one."""

    def __init__(self, restorer: Restorer, *, checkpoint: BatchCheckpoints, notify):
        self._restorer, self._kept = restorer, checkpoint
        self._part_size = restorer.config.batch_size
        self._notify = notify or (lambda line: None)

    def restore(self, loaded: Sequence[inputs.LoadedInput], progress: Progress) -> BatchResult:
        """The result of a batch."""
        import tensorflow as tf

        whole, first = BatchResult(()), 0
        while first < len(loaded) and not whole.stopped:
            part = loaded[first : first + self._part_size]
            try:
                done = self._restore_finite(part, progress)
            except tf.errors.ResourceExhaustedError as error:
                if len(part) > 1:
                    self._part_size = len(part) // 2
                    self._notify(f"memory ran out for {len(part)} images; trying {self._part_size}")
                    continue
                done = BatchResult((), ((part[0].name, f"memory ran out: {error.message}"),))
            whole, first = _joined(whole, done), first + len(part)
        return whole

    def _restore_finite(self, loaded: Sequence[inputs.LoadedInput], progress) -> BatchResult:
        """The result of a part; in the place of an image that fails another one is restored."""
        failures: dict[int, str] = {}
        result = BatchResult(())
        while fine := [i for i in range(len(loaded)) if i not in failures]:
            batch = [loaded[fine[0] if i in failures else i] for i in range(len(loaded))]
            checkpoint = self._kept.get(tuple(item.name for item in batch))
            try:
                result = self._restorer.restore(batch, progress=progress, checkpoint=checkpoint)
            except NotFiniteError as error:
                # Restarts of an image are as many images.
                failures |= {int(i) % len(loaded): str(error) for i in error.images}
                continue
            break
        failed = tuple((loaded[i].name, message) for i, message in sorted(failures.items()))
        images = tuple(result.images[i] for i in fine)
        return dataclasses.replace(result, images=images, failures=failed)


def _joined(first: BatchResult, second: BatchResult) -> BatchResult:
    return BatchResult(
        first.images + second.images,
        first.failures + second.failures,
        second.stopped,
        second.checkpoint,
    )
