"""Loaded weights and compiled programs, kept between requests: the last ones that were used."""

from __future__ import annotations

import collections
import dataclasses
import gc
import threading
from collections.abc import Callable
from typing import Any

from brgm_tf.cli.memory import release
from brgm_tf.generators.loading import describe_generator, load_generator
from brgm_tf.perceptual.loading import load_perceptual
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.objective import needs_perceptual
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.pipeline.warmup import with_eager_warmup

# Fields that decide how inputs are read, and nothing about a program.
_OF_INPUTS = ("faces", "landmarks", "non_square", "plane", "slices", "window")
Notify = Callable[[str], object]


class Programs:
    """Restorers by configuration: equal configurations share their compiled programs.

    Weights are shared by all restorers. The least recently used restorers and generators are
    dropped.

    Args:
        size: number of restorers that are kept, and of generators.
        make: constructor of a restorer, (config, notify) -> `Restorer`.
    """

    def __init__(self, size: int, *, make: Callable[..., Any] = Restorer):
        self._size, self._make = size, make
        self._restorers: collections.OrderedDict[tuple, Any] = collections.OrderedDict()
        self._generators: collections.OrderedDict[object, Any] = collections.OrderedDict()
        self._perceptual: dict[object, Any] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._restorers)

    def restorer(self, config: Config, *, resolution: int, notify: Notify | None = None) -> Any:
        """Returns the restorer of a configuration, which is made for the first request.

        Args:
            config: configuration with names of weights.
            resolution: pixels of the generator's images along a side.
            notify: called with a line of text for each event, such as a download.

        Raises:
            InputError: weights cannot be fetched or read.
        """
        # Small images begin with uncompiled steps, so the bits are the command's.
        config = with_eager_warmup(config, num_images=1, resolution=resolution)
        key = key_of(config)
        with self._lock:
            if key not in self._restorers:
                self._drop(self._restorers)
                loaded = self._with_weights(config, notify)
                self._restorers[key] = self._make(loaded, notify=notify)
            self._restorers.move_to_end(key)
            return self._restorers[key]

    def has(self, config: Config, *, resolution: int) -> bool:
        """Returns whether the programs of a configuration are kept."""
        config = with_eager_warmup(config, num_images=1, resolution=resolution)
        return key_of(config) in self._restorers

    def keeps(self, config: Config) -> bool:
        """Returns whether a configuration needs no further program; False for photographs.

        The programs of photographs depend on the sizes of the faces.
        """
        if config.align != "none":
            return False
        row = describe_generator(config.generator)
        return self.has(config, resolution=row.resolution)

    def _with_weights(self, config: Config, notify: Notify | None) -> Config:
        """Returns the configuration with loaded weights in place of their names."""
        handle = config.generator
        if handle not in self._generators:
            self._drop(self._generators)
            self._generators[handle] = load_generator(handle, progress=notify)
        self._generators.move_to_end(handle)
        loaded: dict[str, Any] = {"generator": self._generators[handle]}
        if needs_perceptual(config):
            if config.perceptual not in self._perceptual:
                perceptual = load_perceptual(config.perceptual, progress=notify)
                self._perceptual[config.perceptual] = perceptual
            loaded["perceptual"] = self._perceptual[config.perceptual]
        return dataclasses.replace(config, **loaded)

    def _drop(self, items: collections.OrderedDict) -> None:
        """Drops the least recently used items, so that there is room for one more."""
        if len(items) < self._size:
            return
        while len(items) >= self._size:
            items.popitem(last=False)
        # A graph and its program refer to each other, so only the collector frees them.
        gc.collect()
        release()


def key_of(config: Config) -> tuple[str, ...]:
    """Returns what decides the program of a configuration, as text.

    Example:
        >>> key_of(Config(plane="axial")) == key_of(Config(plane="coronal"))
        True
    """
    names = [field.name for field in dataclasses.fields(config)]
    return tuple(repr(getattr(config, name)) for name in names if name not in _OF_INPUTS)
