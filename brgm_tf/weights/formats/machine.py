"""A stack machine that runs pickles without the calls.

A pickle builds its object on a stack, keeps a numbered memo of objects that it needs again, and
marks positions in the stack from which containers are filled. `instructions` has its instructions.
Instructions that import and call a named function only record the name and the arguments, unless
the name is one of the few in `calls`.

Every object on the stack may be hostile. It is not compared, hashed or printed before its type is
known: a tuple can be too deep for its hash, and a list too wide for its repr.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brgm_tf.weights.formats import arrays, instructions
from brgm_tf.weights.formats.limits import Limits, RefusedError, check_key
from brgm_tf.weights.formats.records import Global, Record, name_of

# Longer bytes are not copied: they hold the numbers of an array.
_MAX_COPIED_BYTES = 2**16
# A longer text must consist of characters that take one byte each in memory.
_MAX_WIDE_TEXT = 2**20
_LAST_ONE_BYTE_LEAD = 0xC3


class Machine:
    """Runs a pickle.

    Args:
        data: Bytes that contain the pickle, read-only.
        limits: Limits of time and memory, shared by the pickles of one file.
        calls: (module, name) -> function(machine, *args) that returns the result of a call, or
            NotImplemented if the call is to be recorded.
        builds: (module, name) -> function(machine, args, state) that returns an instance with
            this state, or NotImplemented; default: arrays.
        persistent: Function from a persistent id to an object outside the pickle; by default
            persistent ids are refused.

    Example:
        >>> import pickle
        >>> data = memoryview(pickle.dumps([1, "a"]))
        >>> Machine(data, limits=Limits(len(data)), calls={}).run()[0]
        [1, 'a']
    """

    def __init__(
        self,
        data: memoryview,
        *,
        limits: Limits,
        calls: Mapping[tuple[str, str], Callable],
        builds: Mapping[tuple[str, str], Callable] = arrays.BUILDS,
        persistent: Callable[[object], object] | None = None,
    ):
        self.limits = limits
        self._data = data
        self._calls = calls
        self._builds = builds
        self._persistent = persistent

    def run(self, position: int = 0) -> tuple[object, int]:
        """Returns the object and the end of the pickle.

        Args:
            position: Position of the first byte of the pickle; default 0.
        """
        self._position = position
        self._stack: list[Any] = []
        self._marked: list[list] = []
        self.memo: dict[int, Any] = {}
        # Indices in the memo of records that may become arrays, by the id of the record.
        self._indices: dict[int, list[int]] = {}
        step, table = self.limits.step, instructions.TABLE
        while True:
            step()
            if self._position >= len(self._data):
                raise ValueError("it ends in the middle")
            code = self._data[self._position]
            self._position += 1
            if code == instructions.STOP:
                return self.pop(), self._position
            if code not in table:
                raise ValueError(f"{code:#04x} is not an instruction")
            table[code](self)

    # Data after an instruction

    def take(self, size: int) -> memoryview:
        """Returns the next bytes, without a copy."""
        left = len(self._data) - self._position
        if size > left:
            raise ValueError(f"{size} bytes are announced and {left} are left")
        self._position += size
        return self._data[self._position - size : self._position]

    def number(self, form: struct.Struct) -> Any:
        """Returns the next number."""
        return form.unpack(self.take(form.size))[0]

    def line(self, longest: int) -> bytes:
        """Returns the next line, without its end."""
        size = 128
        # The steps grow, so that a line costs no more than a few times its length.
        while size < 2 * longest:
            chunk = bytes(self._data[self._position : self._position + size])
            line, newline, _ = chunk.partition(b"\n")
            if newline:
                self._position += len(line) + 1
                return line
            size *= 2
        raise ValueError(f"no line ends within {longest} bytes")

    def raw(self, size: int) -> bytes | memoryview:
        """Returns the next bytes; large ones as a view."""
        part = self.take(size)
        if size > _MAX_COPIED_BYTES:
            return part
        self.limits.charge(size)
        return bytes(part)

    def text(self, size: int) -> str:
        """Returns the next bytes as text."""
        part = self.take(size)
        if size > _MAX_WIDE_TEXT and np.frombuffer(part, np.uint8).max() > _LAST_ONE_BYTE_LEAD:
            raise RefusedError(f"a text of {size} bytes")
        self.limits.charge(size)
        text = str(part, "utf-8", "surrogatepass")
        self.limits.charge(sys.getsizeof(text) - size)
        return text

    # The stack and the memo

    def push(self, value) -> None:
        """Puts a value on the stack."""
        self._stack.append(value)

    def pop(self) -> object:
        """Removes and returns the value on top."""
        return self._stack.pop()

    def top(self) -> object:
        """Returns the value on top without removing it."""
        return self._stack[-1]

    def mark(self) -> None:
        """Marks the position above the value on top."""
        self._marked.append(self._stack)
        self._stack = []

    def pop_mark(self) -> list:
        """Removes and returns all values above the last mark."""
        values, self._stack = self._stack, self._marked.pop()
        return values

    def drop(self) -> None:
        """Removes the value or the mark on top."""
        if self._stack:
            self._stack.pop()
        else:
            self.pop_mark()

    def group(self, size: int) -> None:
        """Replaces the values on top by a tuple of them."""
        values = self._stack[-size:]
        if len(values) < size:
            raise IndexError("too few values for a tuple")
        self._stack[-size:] = [tuple(values)]

    def put(self, index: int) -> None:
        """Stores the value on top in the memo."""
        value = self._stack[-1]
        self.memo[index] = value
        if type(value) is Record and (value.module, value.name) in self._builds:
            self._indices.setdefault(id(value), []).append(index)

    # Containers

    def extend(self, values: list) -> None:
        """Appends to the list on top."""
        target = self._stack[-1]
        if type(target) not in (list, Record):
            raise ValueError(f"{name_of(target)} is appended to")
        target.extend(values)

    def update(self, values: list) -> None:
        """Sets alternating keys and values in the dict on top."""
        target = self._stack[-1]
        if type(target) not in (dict, Record):
            raise ValueError(f"{name_of(target)} is set by keys")
        target.update(instructions.pairs(values))

    def add(self, values: list) -> None:
        """Adds to the set on top."""
        target = self._stack[-1]
        if type(target) is set:
            target.update(map(check_key, values))
        elif type(target) is Record:
            target.extend(values)
        else:
            raise ValueError(f"{name_of(target)} is added to")

    # Names, calls and states

    def name(self, module, name) -> None:
        """Puts the name of a class or function on the stack."""
        if type(module) is not str or type(name) is not str:
            raise ValueError("a name must be text")
        self.push(Global(module, name))

    def call(self, function, args, kwargs=None) -> None:
        """Records a call or an instance, or makes it if its name is in `calls`."""
        if type(function) is not Global:
            raise RefusedError(f"a call of {name_of(function)}, which is not a name")
        if type(args) is not tuple or type(kwargs) not in (dict, type(None)):
            raise ValueError("the arguments of a call must be a tuple")
        value: Any = NotImplemented
        known = self._calls.get((function.module, function.name))
        if known and not kwargs:
            value = known(self, *args)
        if value is NotImplemented:
            value = Record(function.module, function.name, args, kwargs or {})
        self.push(value)

    def build(self) -> None:
        """Sets the state of the instance below the state."""
        state, target = self.pop(), self.top()
        # torch stores the versions of modules as attributes of an OrderedDict.
        if type(target) is dict:
            return
        if type(target) is not Record:
            raise ValueError(f"a state is set on {name_of(target)}")
        value: Any = NotImplemented
        known = self._builds.get((target.module, target.name))
        if known:
            value = known(self, target.args, state)
        if value is NotImplemented:
            target.state = state
        else:
            self._replace(target, value)

    def _replace(self, record: Record, value) -> None:
        """Replaces a record by its array, on the stack and in the memo."""
        self._stack[-1] = value
        for index in self._indices.pop(id(record), ()):
            if self.memo[index] is record:
                self.memo[index] = value

    def outside(self, key) -> None:
        """Puts an object from outside the pickle on the stack."""
        if self._persistent is None:
            raise RefusedError("a persistent id")
        self.push(self._persistent(key))
