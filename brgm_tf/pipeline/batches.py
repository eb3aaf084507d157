"""Restores a collection, batch after batch, on one device or several.

Batch composition is deterministic. An image has the same neighbours, and so the same bits,
however often a run was interrupted and however many devices there are:

- If the terms of an image are not finite, only that image fails. Another image of the batch
  takes its slot, so the batch keeps its shape and its program.
- If memory runs out, the batch is restored in halves, and a line of text says so.
"""

from __future__ import annotations

import collections
import dataclasses
import queue
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from brgm_tf.core.errors import NotFiniteError
from brgm_tf.estimators.restoring.inference import Step
from brgm_tf.io import inputs
from brgm_tf.pipeline.batch_result import BatchCheckpoint, BatchResult
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.pipeline.sharding import Shard
from brgm_tf.reporting.failures import Failure

Progress = Callable[[Step], object]
# Checkpoints of stopped batches by the keys of their images.
BatchCheckpoints = Mapping[tuple[str, ...], BatchCheckpoint]
_SECONDS_ASLEEP = 0.2


def restore_all(
    restorers: Sequence[Restorer],
    specs: Sequence[inputs.InputSpec],
    *,
    expected: inputs.InputRequirements,
    progress: Progress | None = None,
    finished: Collection[str] = (),
    unusable: Collection[str] = (),
    shard: Shard | None = None,
    checkpoints: BatchCheckpoints | None = None,
    notify: Callable[[str], object] | None = None,
) -> Iterator[BatchResult]:
    """Yields the result of each batch, in order, until a batch is stopped.

    A batch is computed as a whole even if some of its images are finished. The next batch is
    loaded while batches are restored.

    Args:
        restorers: a restorer for each device, of one configuration.
        specs: the inputs.
        expected: requirements of the inputs.
        progress: called with a `Step` after every chunk of steps, from several threads;
            returning True stops.
        finished: names of images that have results, which are not yielded.
        unusable: names of images that failed when they were planned, which are left out.
        shard: the shard to restore; None for all batches.
        checkpoints: checkpoints of batches that an earlier run stopped.
        notify: called with a line of text for each event, such as a lack of memory.
    """
    size = restorers[0].config.batch_size
    batches = (shard or Shard()).batches(specs, batch_size=size)
    done = {*finished, *unusable}
    batches = [batch for batch in batches if not all(spec.name in done for spec in batch)]
    usable = [[spec for spec in batch if spec.name not in unusable] for batch in batches]
    crew = _Crew(restorers, expected=expected, checkpoints=checkpoints or {}, notify=notify)
    for result in crew.run(usable, progress):
        images = tuple(image for image in result.images if image.name not in finished)
        yield dataclasses.replace(result, images=images)


class _Crew:
    """Workers, one for each device, that restore batches in turn."""

    def __init__(
        self,
        restorers: Sequence[Restorer],
        *,
        expected: inputs.InputRequirements,
        checkpoints: BatchCheckpoints,
        notify: Callable[[str], object] | None,
    ):
        self._expected = expected
        self._workers = [_Worker(r, checkpoints=checkpoints, notify=notify) for r in restorers]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._stopping = threading.Event()
        self._turn, self._next = threading.Condition(), 0

    def run(self, batches: Iterable[Sequence[inputs.InputSpec]], progress) -> Iterator[BatchResult]:
        """Yields the results of the batches, in order."""
        count = len(self._workers)
        pending: collections.deque = collections.deque()
        # One more thread loads the next batch, and one waits with it.
        pool, waits = ThreadPoolExecutor(count + 2), True
        try:
            for number, batch in enumerate(batches):
                loading = pool.submit(self._load, batch)
                pending.append(pool.submit(self._restore, number, loading, progress))
                if len(pending) > count:
                    yield from _results_of(pending.popleft())
                if self._stopping.is_set():
                    break
            while pending:
                yield from _results_of(pending.popleft())
        except (KeyboardInterrupt, GeneratorExit):
            waits = False  # A second Ctrl-C ends the run before the chunk does.
            raise
        finally:  # The other workers stop after their current chunk.
            self._stopping.set()
            pool.shutdown(wait=waits, cancel_futures=not waits)

    def _load(self, batch: Sequence[inputs.InputSpec]):
        """Returns the loaded inputs of a batch, and the failures."""
        loaded, failures = [], []
        for spec in batch:
            try:
                loaded.append(inputs.load(spec, expected=self._expected))
            # A damaged file can raise any error.
            except Exception as error:
                failure = Failure.of(error, name=spec.name, stage="loading", path=spec.path)
                failures.append(failure)
        return loaded, failures

    def _restore(self, number: int, loading, progress) -> BatchResult | None:
        """Returns the result of a batch; None if the run was stopped before the batch began."""
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
        """Waits until all earlier batches have a worker; returns an idle worker."""
        with self._turn:
            self._turn.wait_for(lambda: self._next == number)
            worker = self._idle.get()
            self._next += 1
            self._turn.notify_all()
        return worker

    def _watched(self, progress: Progress | None) -> Progress:
        def watched(step: Step) -> bool:
            stops = progress is not None and progress(step)
            return bool(stops) or self._stopping.is_set()

        return watched


def _results_of(future) -> Iterator[BatchResult]:
    # Signals are handled by this thread but may wake another thread, so it wakes up by itself.
    while not future.done():
        wait([future], timeout=_SECONDS_ASLEEP)
    result = future.result()
    if result is not None:
        yield result


class _Worker:
    """Restores batches with one restorer, in parts if a batch does not fit into memory."""

    def __init__(self, restorer: Restorer, *, checkpoints: BatchCheckpoints, notify):
        self._restorer, self._checkpoints = restorer, checkpoints
        self._part_size = restorer.config.batch_size
        self._notify = notify or (lambda line: None)

    def restore(self, loaded: Sequence[inputs.LoadedInput], progress: Progress) -> BatchResult:
        """Returns the result of a batch."""
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
                failure = _failure_of(part[0], f"memory ran out: {error.message}")
                done = BatchResult((), (failure,))
            whole, first = _joined(whole, done), first + len(part)
        return whole

    def _restore_finite(self, loaded: Sequence[inputs.LoadedInput], progress) -> BatchResult:
        """Returns the result of a part; another image takes the slot of an image that fails."""
        failures: dict[int, str] = {}
        result = BatchResult(())
        while finite := [i for i in range(len(loaded)) if i not in failures]:
            batch = [loaded[finite[0] if i in failures else i] for i in range(len(loaded))]
            checkpoint = self._checkpoints.get(tuple(item.key for item in batch))
            try:
                result = self._restorer.restore(batch, progress=progress, checkpoint=checkpoint)
            except NotFiniteError as error:
                # With restarts, an image has several rows of the optimizer's batch.
                failures |= {int(i) % len(loaded): str(error) for i in error.images}
                continue
            break
        failed = tuple(_failure_of(loaded[i], text) for i, text in sorted(failures.items()))
        images = tuple(result.images[i] for i in finite)
        return dataclasses.replace(result, images=images, failures=failed)


def _failure_of(item: inputs.LoadedInput, message: str) -> Failure:
    return Failure(item.name, message, path=str(item.origin.get("input", "")))


def _joined(first: BatchResult, second: BatchResult) -> BatchResult:
    return BatchResult(
        first.images + second.images,
        first.failures + second.failures,
        second.stopped,
        second.checkpoint,
    )
