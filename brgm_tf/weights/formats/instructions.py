"""Instructions of pickles and their effects on a `machine.Machine`.

Reference: CPython, Lib/pickletools.py, which describes the instructions of all protocols.
"""

from __future__ import annotations

import codecs
import pickle
import struct
from collections.abc import Callable

from brgm_tf.weights.formats.limits import RefusedError, check_key

_MAX_LINE = 2**20
_MAX_NUMBER_LINE = 600
_MAX_INT_BYTES = 255
_MAX_INDEX = 2**32 - 1
# Forms of the numbers, counts and indices after an instruction.
_U1, _U2, _U4, _U8 = (struct.Struct(form) for form in ("<B", "<H", "<I", "<Q"))
_I4, _F8 = struct.Struct("<i"), struct.Struct(">d")


def pairs(values: list) -> dict:
    """Returns a dict of alternating keys and values.

    Example:
        >>> pairs(["a", 1, "b", 2])
        {'a': 1, 'b': 2}
    """
    if len(values) % 2:
        raise ValueError("a key without a value")
    return dict(zip(map(check_key, values[::2]), values[1::2], strict=True))


def _proto(m, version: int) -> None:
    if version > pickle.HIGHEST_PROTOCOL:
        raise RefusedError(f"a pickle of protocol {version}")


# Scalars and texts


def _int(m) -> None:
    line = m.line(_MAX_NUMBER_LINE)
    m.push(line == b"01" if line in (b"00", b"01") else int(line))


def _long(m) -> None:
    m.push(int(m.line(_MAX_NUMBER_LINE).removesuffix(b"L")))


def _float(m) -> None:
    m.push(float(m.line(_MAX_NUMBER_LINE)))


def _binary_long(m, size: int) -> None:
    if size > _MAX_INT_BYTES:
        raise RefusedError(f"an integer of {size} bytes")
    m.push(int.from_bytes(m.take(size), "little", signed=True))


def _text(m, size: int) -> None:
    m.push(m.text(size))


def _bytes(m, size: int) -> None:
    m.push(m.raw(size))


def _python2_string(m, size: int) -> None:
    data = m.raw(size)
    m.push(data.decode("latin-1") if isinstance(data, bytes) else data)


def _quoted_string(m) -> None:
    line = m.line(_MAX_LINE)
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in (b"'", b'"'):
        raise ValueError("a string without quotes")
    m.limits.charge(2 * len(line))
    m.push(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))


def _text_line(m) -> None:
    line = m.line(_MAX_LINE)
    m.limits.charge(4 * len(line))
    m.push(line.decode("raw-unicode-escape"))


# The memo, names and calls


def _index(m) -> int:
    index = int(m.line(_MAX_NUMBER_LINE))
    # Larger indices could be chosen so that they collide in the memo.
    if not 0 <= index <= _MAX_INDEX:
        raise ValueError("an index of the memo is out of range")
    return index


def _get(m, index: int) -> None:
    if index not in m.memo:
        raise ValueError(f"the memo has no entry {index}")
    m.push(m.memo[index])


def _name_lines(m) -> None:
    module, name = m.line(_MAX_LINE), m.line(_MAX_LINE)
    m.limits.charge(4 * (len(module) + len(name)))
    m.name(module.decode(), name.decode())


def _name_of_stack(m) -> None:
    name, module = m.pop(), m.pop()
    m.name(module, name)


def _call(m) -> None:
    args, function = m.pop(), m.pop()
    m.call(function, args)


def _call_with_keywords(m) -> None:
    kwargs, args, function = m.pop(), m.pop(), m.pop()
    m.call(function, args, kwargs)


def _call_marked(m) -> None:
    function, *args = m.pop_mark()
    m.call(function, tuple(args))


def _call_named(m) -> None:
    args = tuple(m.pop_mark())
    _name_lines(m)
    m.call(m.pop(), args)


def _set_item(m) -> None:
    value, key = m.pop(), m.pop()
    m.update([key, value])


def _refuse(words: str) -> Callable:
    def instruction(m) -> None:
        raise RefusedError(words)

    return instruction


def _new(make: Callable) -> Callable:
    """Returns the instruction that puts a new constant or container on the stack."""
    return lambda m: m.push(make())


def _with(form: struct.Struct, act: Callable) -> Callable:
    """Returns the instruction that acts with the number after it."""
    return lambda m: act(m, m.number(form))


def _push(m, value) -> None:
    m.push(value)


def _put(m, index: int) -> None:
    m.put(index)


_EXTENSION = _refuse("a number of the extension registry")
_BUFFER = _refuse("a buffer kept outside the pickle")

STOP = pickle.STOP[0]
# Code -> function of the machine.
_INSTRUCTIONS: dict[bytes, Callable] = {
    pickle.PROTO: _with(_U1, _proto),
    pickle.FRAME: _with(_U8, lambda m, size: None),
    # Scalars
    pickle.NONE: _new(lambda: None),
    pickle.NEWTRUE: _new(lambda: True),
    pickle.NEWFALSE: _new(lambda: False),
    pickle.INT: _int,
    pickle.LONG: _long,
    pickle.FLOAT: _float,
    pickle.BININT: _with(_I4, _push),
    pickle.BININT1: _with(_U1, _push),
    pickle.BININT2: _with(_U2, _push),
    pickle.BINFLOAT: _with(_F8, _push),
    pickle.LONG1: _with(_U1, _binary_long),
    pickle.LONG4: _with(_U4, _binary_long),
    # Texts and bytes
    pickle.STRING: _quoted_string,
    pickle.SHORT_BINSTRING: _with(_U1, _python2_string),
    pickle.BINSTRING: _with(_U4, _python2_string),
    pickle.UNICODE: _text_line,
    pickle.SHORT_BINUNICODE: _with(_U1, _text),
    pickle.BINUNICODE: _with(_U4, _text),
    pickle.BINUNICODE8: _with(_U8, _text),
    pickle.SHORT_BINBYTES: _with(_U1, _bytes),
    pickle.BINBYTES: _with(_U4, _bytes),
    pickle.BINBYTES8: _with(_U8, _bytes),
    pickle.BYTEARRAY8: _with(_U8, _bytes),
    # The stack and the memo
    pickle.MARK: lambda m: m.mark(),
    pickle.POP: lambda m: m.drop(),
    pickle.POP_MARK: lambda m: m.pop_mark(),
    pickle.DUP: lambda m: m.push(m.top()),
    pickle.PUT: lambda m: m.put(_index(m)),
    pickle.BINPUT: _with(_U1, _put),
    pickle.LONG_BINPUT: _with(_U4, _put),
    pickle.MEMOIZE: lambda m: m.put(len(m.memo)),
    pickle.GET: lambda m: _get(m, _index(m)),
    pickle.BINGET: _with(_U1, _get),
    pickle.LONG_BINGET: _with(_U4, _get),
    # Containers
    pickle.EMPTY_TUPLE: _new(tuple),
    pickle.TUPLE1: lambda m: m.group(1),
    pickle.TUPLE2: lambda m: m.group(2),
    pickle.TUPLE3: lambda m: m.group(3),
    pickle.TUPLE: lambda m: m.push(tuple(m.pop_mark())),
    pickle.EMPTY_LIST: _new(list),
    pickle.LIST: lambda m: m.push(m.pop_mark()),
    pickle.APPEND: lambda m: m.extend([m.pop()]),
    pickle.APPENDS: lambda m: m.extend(m.pop_mark()),
    pickle.EMPTY_DICT: _new(dict),
    pickle.DICT: lambda m: m.push(pairs(m.pop_mark())),
    pickle.SETITEM: _set_item,
    pickle.SETITEMS: lambda m: m.update(m.pop_mark()),
    pickle.EMPTY_SET: _new(set),
    pickle.ADDITEMS: lambda m: m.add(m.pop_mark()),
    pickle.FROZENSET: lambda m: m.push(frozenset(map(check_key, m.pop_mark()))),
    # Names, calls and states
    pickle.GLOBAL: _name_lines,
    pickle.STACK_GLOBAL: _name_of_stack,
    pickle.REDUCE: _call,
    pickle.NEWOBJ: _call,
    pickle.NEWOBJ_EX: _call_with_keywords,
    pickle.OBJ: _call_marked,
    pickle.INST: _call_named,
    pickle.BUILD: lambda m: m.build(),
    pickle.PERSID: lambda m: m.outside(m.line(_MAX_LINE)),
    pickle.BINPERSID: lambda m: m.outside(m.pop()),
    # Data outside the pickle
    pickle.EXT1: _EXTENSION,
    pickle.EXT2: _EXTENSION,
    pickle.EXT4: _EXTENSION,
    pickle.NEXT_BUFFER: _BUFFER,
    pickle.READONLY_BUFFER: _BUFFER,
}
TABLE: dict[int, Callable] = {code[0]: act for code, act in _INSTRUCTIONS.items()}
