"""The stack machine that pickles are programs for, with the calls left out.

A pickle builds its object on a stack, keeps a numbered memo of what it will need again,
and marks places in the stack that containers are filled from. Its instructions are in
`instructions`. Those that import what the pickle names, and call it, only write down the
name and the arguments here, unless the name is one of the few of `calls`.

Whatever is on the stack is hostile. It is neither compared, hashed nor shown before its
type is known: a tuple can be too deep for its hash, a list too wide for its repr.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping

import numpy as np

from brgm_tf.weights.formats import arrays, instructions
from brgm_tf.weights.formats.limits import Limits, RefusedError, checked_key
from brgm_tf.weights.formats.records import Global, Record, name_of

# Longer bytes are not copied: they are the numbers of an array.
_LARGE_BYTES = 2**16
# A longer text must be made of characters that take one byte each.
_LARGE_TEXT = 2**20
_LAST_ONE_BYTE_LEAD = 0xC3


class Machine:
    """Runs a pickle.

    Args:
        data: the bytes that hold it, read-only.
        limits: what reading may cost; shared by the pickles of one file.
        calls: (module, name) -> function(machine, *args) that returns what the call
            gives here, or NotImplemented where a record should be made of it.
        builds: (module, name) -> function(machine, args, state) that returns what an
            instance becomes when its state is set, or NotImplemented; default: arrays.
        persistent: persistent id -> the object kept outside of the pickle; default:
            such ids are refused.
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
        """Returns the object, and where the pickle ends.

        Args:
            position: where in the bytes the pickle starts; default 0.
        """
        self._position = position
        self._stack, self._marked = [], []
        self.memo, self._places = {}, {}
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
                raise ValueError(f"{code:#04x} is no instruction")
            table[code](self)

    # What follows an instruction

    def take(self, size: int) -> memoryview:
        """The next bytes, without a copy."""
        left = len(self._data) - self._position
        if size > left:
            raise ValueError(f"{size} bytes are announced where {left} are left")
        self._position += size
        return self._data[self._position - size : self._position]

    def number(self, form: struct.Struct) -> int | float:
        """The next number."""
        return form.unpack(self.take(form.size))[0]

    def line(self, longest: int) -> bytes:
        """The next line, without its end."""
        size = 128
        # Larger steps each time: a line costs no more than a few times its length.
        while size < 2 * longest:
            chunk = bytes(self._data[self._position : self._position + size])
            line, newline, _ = chunk.partition(b"\n")
            if newline:
                self._position += len(line) + 1
                return line
            size *= 2
        raise ValueError(f"no line ends within {longest} bytes")

    def raw(self, size: int) -> bytes | memoryview:
        """The next bytes; large ones are a view."""
        part = self.take(size)
        if size > _LARGE_BYTES:
            return part
        self.limits.charge(size)
        return bytes(part)

    def text(self, size: int) -> str:
        """The next bytes as a text."""
        part = self.take(size)
        if size > _LARGE_TEXT and np.frombuffer(part, np.uint8).max() > _LAST_ONE_BYTE_LEAD:
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
        """Takes the value on top."""
        return self._stack.pop()

    def top(self) -> object:
        """The value on top, which stays."""
        return self._stack[-1]

    def mark(self) -> None:
        """Marks the place above the value on top."""
        self._marked.append(self._stack)
        self._stack = []

    def pop_mark(self) -> list:
        """Takes all values above the last mark."""
        values, self._stack = self._stack, self._marked.pop()
        return values

    def drop(self) -> None:
        """Forgets the value, or the mark, on top."""
        if self._stack:
            self._stack.pop()
        else:
            self.pop_mark()

    def group(self, size: int) -> None:
        """Makes a tuple of the values on top."""
        values = self._stack[-size:]
        if len(values) < size:
            raise IndexError("too few values for a tuple")
        self._stack[-size:] = [tuple(values)]

    def put(self, index: int) -> None:
        """Notes the value on top in the memo."""
        value = self._stack[-1]
        self.memo[index] = value
        if type(value) is Record and (value.module, value.name) in self._builds:
            self._places.setdefault(id(value), []).append(index)

    # Containers

    def extend(self, values: list) -> None:
        """Appends to the list on top."""
        target = self._stack[-1]
        if type(target) not in (list, Record):
            raise ValueError(f"{name_of(target)} is appended to")
        target.extend(values)

    def update(self, values: list) -> None:
        """Sets keys and values, in turns, in the dict on top."""
        target = self._stack[-1]
        if type(target) not in (dict, Record):
            raise ValueError(f"{name_of(target)} is set by keys")
        target.update(instructions.pairs(values))

    def add(self, values: list) -> None:
        """Adds to the set on top."""
        target = self._stack[-1]
        if type(target) is set:
            target.update(map(checked_key, values))
        elif type(target) is Record:
            target.extend(values)
        else:
            raise ValueError(f"{name_of(target)} is added to")

    # Names, calls and states

    def name(self, module, name) -> None:
        """Refers to a class or function."""
        if type(module) is not str or type(name) is not str:
            raise ValueError("a name is no text")
        self.push(Global(module, name))

    def call(self, function, args, kwargs=None) -> None:
        """Writes down a call or an instance, or makes what is known by its name."""
        if type(function) is not Global:
            raise RefusedError(f"a call of {name_of(function)}, which is no name")
        if type(args) is not tuple or type(kwargs) not in (dict, type(None)):
            raise ValueError("the arguments of a call are no tuple")
        value = NotImplemented
        known = self._calls.get((function.module, function.name))
        if known and not kwargs:
            value = known(self, *args)
        if value is NotImplemented:
            value = Record(function.module, function.name, args, kwargs or {})
        self.push(value)

    def build(self) -> None:
        """Sets the state of the instance below it."""
        state, target = self.pop(), self.top()
        # torch notes the versions of modules among the attributes of an OrderedDict.
        if type(target) is dict:
            return
        if type(target) is not Record:
            raise ValueError(f"a state is set on {name_of(target)}")
        value = NotImplemented
        known = self._builds.get((target.module, target.name))
        if known:
            value = known(self, target.args, state)
        if value is NotImplemented:
            target.state = state
        else:
            self._replace(target, value)

    def _replace(self, record: Record, value) -> None:
        """Puts an array in the place of its record, which the memo may have noted."""
        self._stack[-1] = value
        for index in self._places.pop(id(record), ()):
            if self.memo[index] is record:
                self.memo[index] = value

    def outside(self, key) -> None:
        """Gets an object that is kept outside of the pickle."""
        if self._persistent is None:
            raise RefusedError("a persistent id")
        self.push(self._persistent(key))
