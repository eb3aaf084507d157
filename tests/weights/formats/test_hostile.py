"""Hostile files give data or one error; they execute no code and use bounded time and memory."""

import contextlib
import copyreg
import gc
import mmap
import os
import pickle
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import torch_files as build
from mutations import memory_of, mutated, rewrite
from torch_files import Call, Name, Raw

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import (
    arrays,
    detect,
    embedded,
    inert,
    limits,
    modules,
    source,
    torch_file,
)
from brgm_tf.weights.formats.machine import Machine

ROOT = Path(__file__).resolve().parents[3]
SYSTEM = Name(os.system.__module__, "system")
FLOATS = build.array((2, 2), np.arange(4, dtype="<f4").tobytes())


@pytest.fixture(autouse=True, scope="module")
def _no_garbage_collection():
    """Disables garbage collection, which deep trees would trigger repeatedly."""
    gc.disable()
    yield
    gc.enable()


def refused(data):
    """Returns the error of loading, which has one line."""
    with pytest.raises(InputError) as caught:
        inert.load(data, argument="x")
    message = str(caught.value)
    assert message.startswith("`x` must ")
    assert message.isprintable()
    assert len(message) < 700
    return message


def refused_value(value):
    return refused(build.program(value))


@pytest.fixture
def canary(tmp_path):
    """Yields a path that must not exist after the test."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


# Code.


class Reduces:
    """An object with a pickle that calls a given function."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_call_of_os_system_is_recorded_but_not_executed(canary, protocol):
    command = f"touch {canary}"
    record = inert.load(pickle.dumps(Reduces(os.system, (command,)), protocol), argument="x")
    assert (record.module, record.name) == (SYSTEM.module, "system")
    assert record.args == (command,)


@pytest.mark.parametrize(
    "how", [b"(%bios\nsystem\n", b"(cos\nsystem\n%bo", b"cos\nsystem\n%b\x85\x81"]
)
def test_no_syntax_of_a_call_executes_it(canary, how):
    record = inert.load(how % build.text(f"touch {canary}") + b".", argument="x")
    assert record.name == "system"


def test_a_state_does_not_change_a_record(canary):
    call = Call(SYSTEM, (), {"__setstate__": SYSTEM, "__class__": SYSTEM})
    record = inert.load(build.program(call), argument="x")
    assert type(record) is inert.Record
    assert record.state == {
        name: inert.Global(SYSTEM.module, "system") for name in ("__setstate__", "__class__")
    }


@pytest.mark.parametrize(
    "target", [Name("numpy", "ndarray"), Name("builtins", "dict"), "text", (), [], 1, FLOATS]
)
def test_a_state_for_a_name_or_for_data_is_refused(target):
    assert "state is set" in refused_value(Raw(build.code(target) + b"}b"))


@pytest.mark.parametrize(
    "name",
    ["ndarray.__class__", "core.multiarray._reconstruct", "load", "ndarray.__reduce__", ""],
)
def test_other_names_of_known_modules_are_names_only(name):
    by_stack = Raw(build.text("numpy") + build.text(name) + b"\x93")
    assert inert.load(build.program(by_stack), argument="x") == inert.Global("numpy", name)


def test_a_call_of_an_object_without_a_name_is_refused():
    called = Call(Name("builtins", "getattr"), (Name("os", "path"), "system"))
    assert "a call of builtins.getattr" in refused_value(Call(called, ("true",)))


def test_codes_of_the_extension_registry_are_refused(canary):
    copyreg.add_extension("os", "system", 0x7FFFFF)
    try:
        for instruction in (b"\x82\x01", b"\x83\x01\x00", b"\x84\xff\xff\x7f\x00"):
            assert "extension" in refused_value(Raw(instruction))
    finally:
        copyreg.remove_extension("os", "system", 0x7FFFFF)


@pytest.mark.parametrize("ids", [b"Pweights\n", b"K\x01Q"])
def test_persistent_ids_are_refused(ids):
    assert "persistent id" in refused_value(Raw(ids))


@pytest.mark.parametrize("buffer", [b"\x97", b"N\x98"])
def test_buffers_outside_the_pickle_are_refused(buffer):
    assert "buffer" in refused_value(Raw(buffer))


# Sizes.


def test_every_truncation_is_an_error():
    whole = pickle.dumps({"a": {"b": np.arange(4.0)}, "c": "text"}, 4)
    for end in range(1, len(whole)):
        refused(whole[:end])
    refused(b"")


@pytest.mark.parametrize(
    "claim",
    [
        b"B\xff\xff\xff\xff",
        b"\x8e" + b"\xff" * 8,
        b"\x8d" + b"\xff" * 7 + b"\x7f",
        b"\x96" + b"\xff" * 8,
        b"X\xff\xff\xff\x7f",
        b"T\xff\xff\xff\xff",
        b"\x8b\xff\xff\xff\x7f",
        b"\x8b\xff\xff\xff\xff",
    ],
)
def test_sizes_beyond_the_end_of_the_file_are_refused(claim):
    refused_value(Raw(claim + b"abc"))


def test_a_wrong_frame_size_is_ignored():
    assert inert.load(b"\x80\x04\x95" + b"\xff" * 8 + b"K\x07.", argument="x") == 7


@pytest.mark.parametrize(
    "shape", [(2**31, 2**31), (2**63,), (-1,), (-2, -2), (3,), (True, 4), (4.0,)]
)
def test_a_shape_that_does_not_match_the_bytes_is_refused(shape):
    refused_value(build.array(shape, bytes(16)))


def test_a_shape_with_too_many_axes_is_refused():
    refused_value(build.array((1,) * 33, bytes(4)))
    refused_value(build.array((2**300,) * 32, bytes(4)))


@pytest.mark.parametrize(
    "name", ["O", "O8", "V4", "S4", "U1", "f4,f4", "f16", "M8", "(2,)f4", "4f4", 7]
)
def test_dtypes_other_than_plain_numbers_are_refused(name):
    assert "dtype" in refused_value(build.array((1,), bytes(4), of=build.dtype(name)))


def test_arrays_of_objects_texts_and_fields_are_refused():
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        for array in (np.array([{}]), np.array(["text"]), np.zeros(2, [("x", "f4")])):
            refused(pickle.dumps({"a": array}, protocol))


def test_a_dtype_with_fields_in_its_state_is_refused():
    state = (3, "<", None, ("x",), {"x": (build.dtype("f4"), 0)}, 4, 1, 16)
    fields = Call(Name("numpy", "dtype"), ("f4", False, True), state)
    assert "structured" in refused_value(build.array((1,), bytes(4), of=fields))


@pytest.mark.parametrize("index", [b"r\xff\xff\xff\xff", b"p4294967295\n"])
def test_a_large_memo_index_needs_no_memory(index):
    assert inert.load(b"K\x07" + index + b".", argument="x") == 7


@pytest.mark.parametrize("index", [b"-1", b"4294967296", b"1" * 500, b"x"])
def test_a_memo_index_of_more_than_four_bytes_is_refused(index):
    refused_value(Raw(b"Np" + index + b"\n"))


@pytest.mark.parametrize("number", [b"I%b\n", b"L%bL\n", b"F%b\n", b"g%b\n"])
def test_numbers_with_a_million_digits_are_refused(number):
    refused_value(Raw(number % (b"9" * 10**6)))


def test_a_large_binary_integer_is_refused():
    assert "integer of 1000000 bytes" in refused_value(
        Raw(b"\x8b" + struct.pack("<I", 10**6) + b"\x7f" * 10**6)
    )


# Hashes, comparisons and representations of hostile values.


class Touched(BaseException):
    """The exception of a tripwire. As a BaseException it passes `except Exception`."""


class Tripwire:
    """A value that must not be compared, hashed or shown, because this may not terminate."""

    def fail(self, *args):
        raise Touched

    __eq__ = __ne__ = __lt__ = __hash__ = __repr__ = __str__ = __format__ = fail
    __len__ = __iter__ = __bool__ = __index__ = fail


def machine():
    """Returns a machine for the functions of calls."""
    return Machine(memoryview(b"."), limits=limits.Limits(10**6), calls={})


FLOAT = np.dtype("f4")
KNOWN = [
    (("numpy.core.multiarray", "scalar"), (FLOAT, bytes(4))),
    (("numpy.core.numeric", "_frombuffer"), (bytes(4), FLOAT, (1,), "C")),
    (("_codecs", "encode"), ("x", "latin1")),
    (("torch._utils", "_rebuild_tensor"), (np.zeros(1), 0, (1,), (1,))),
    (("torch._utils", "_rebuild_tensor_v2"), (np.zeros(1), 0, (1,), (1,), False, None)),
    (
        ("torch._utils", "_rebuild_tensor_v3"),
        (np.zeros(4, "u1"), 0, (1,), (1,), False, None, inert.Global("torch", "int8")),
    ),
    (
        ("torch._tensor", "_rebuild_from_type_v2"),
        (
            inert.Global("torch._utils", "_rebuild_tensor_v2"),
            None,
            (np.zeros(1), 0, (1,), (1,), False, None),
            None,
        ),
    ),
    (
        ("copyreg", "_reconstructor"),
        (inert.Global("a", "b"), inert.Global("builtins", "object"), None),
    ),
]
STATES = [
    (("numpy", "dtype"), ("f4", False, True), (3, "<", None, None, None, -1, -1, 0)),
    (
        ("numpy.core.multiarray", "_reconstruct"),
        (inert.Global("numpy", "ndarray"), (0,), b"b"),
        (1, (1,), FLOAT, False, bytes(4)),
    ),
]


def with_tripwire(values):
    """Yields copies of `values` with a tripwire at each position in turn."""
    for index in range(len(values)):
        yield (*values[:index], Tripwire(), *values[index + 1 :])


@pytest.mark.parametrize(("name", "args"), KNOWN)
def test_a_known_call_checks_types_before_values(name, args):
    call = embedded.CALLS[name]
    assert call(machine(), *args) is not NotImplemented
    for changed in [*with_tripwire(args), *((Tripwire(),) * n for n in range(9))]:
        with contextlib.suppress(Exception):
            call(machine(), *changed)


@pytest.mark.parametrize("name", sorted(embedded.CALLS))
def test_any_call_checks_types_before_values(name):
    for count in range(9):
        with contextlib.suppress(Exception):
            embedded.CALLS[name](machine(), *[Tripwire() for _ in range(count)])


@pytest.mark.parametrize(("name", "args", "state"), STATES)
def test_a_known_state_is_checked_by_type_first(name, args, state):
    build_state = arrays.BUILDS[name]
    assert isinstance(build_state(machine(), args, state), np.dtype | np.ndarray)
    changed = [(wired, state) for wired in with_tripwire(args)]
    changed += [(args, wired) for wired in [*with_tripwire(state), Tripwire()]]
    for wired_args, wired_state in changed:
        with contextlib.suppress(Exception):
            build_state(machine(), wired_args, wired_state)


DEEP = Raw(b")" + b"\x85" * 200_000)
# A list with two references to a list with two references and so on has an endless repr.
DOUBLING = Raw(b"N" + b"q\x000](h\x00h\x00e" * 60)


@pytest.mark.parametrize(
    "key", [DEEP, DOUBLING, FLOATS, 2**64], ids=["deep", "doubling", "array", "large"]
)
def test_keys_that_are_expensive_to_hash_are_refused(key):
    key = build.code(key)
    for keyed in (b"}%bNs", b"\x8f(%b\x90", b"(%b\x91", b"(%bNd", b"cbuiltins\nset\n](%be\x85R"):
        assert "as a key" in refused_value(Raw(keyed % key))


@pytest.mark.parametrize("value", [DEEP, DOUBLING], ids=["deep", "doubling"])
def test_errors_do_not_show_endless_values(value):
    value = build.code(value)
    for instructions in (
        b"%b)R",
        b"%bNb",
        b"%bNNs",
        b"%b\x8c\x01a\x93",
        b"%bQ",
    ):
        refused_value(Raw(instructions % value))


def test_colliding_integer_keys_are_refused():
    keys = b"".join(build.code(i * (2**61 - 1)) + b"N" for i in range(1, 50))
    assert "large integer" in refused_value(Raw(b"}(" + keys + b"u"))


def test_errors_contain_no_control_characters():
    message = refused_value(Raw(b"cnumpy\ndtype\n" + build.text("\x1b[31m\n") + b"\x85R}b"))
    assert message.isprintable()
    refused_value(Call(Call(Name("\x1b[31m", "y"))))


# Size and depth.


def test_too_many_instructions_are_refused():
    assert "instructions" in refused(b"N" * (limits.MAX_STEPS + 1) + b".")


@pytest.mark.parametrize(
    "instructions",
    [
        b")" + b"\x85" * 200_000,
        b"(l" * 100_000 + b"a" * 99_999,
        b"(cA\nB\n" * 99_999 + b"N" + b"o" * 99_999,
    ],
    ids=["tuples", "lists", "records"],
)
def test_deep_nesting_is_supported(instructions):
    inert.load(instructions + b".", argument="x")


def test_copies_of_containers_are_bounded_by_the_size_of_the_file():
    items = b"(" + b"N" * 10_000 + b"lq\x00"
    for kind in (b"cbuiltins\nset\n", b"c__builtin__\nfrozenset\n"):
        assert "more data" in refused_value(Raw(items + (kind + b"h\x00\x85R") * 10_000))


def test_copies_of_texts_are_bounded_by_the_size_of_the_file():
    encode = b"c_codecs\nencode\nh\x00\x8c\x06latin1\x86R"
    assert "more data" in refused_value(Raw(build.text("a" * 10**6) + b"q\x00" + encode * 100))


def test_a_long_text_of_wide_characters_is_refused():
    assert "a text of" in refused_value("a" * 2**20 + "\U0001f600")
    assert "more data" in refused_value([("a" * 2**18 + "\U0001f600")] * 200)


def test_recursive_modules_are_an_error():
    looped = inert.Record("m", "Module")
    looped.state = {"inner": looped}
    with pytest.raises(InputError, match="without an end"):
        modules.named_arrays(looped, argument="x")


def test_modules_that_double_at_every_level_are_an_error():
    doubled = {}
    for _ in range(60):
        doubled = {"a": doubled, "b": doubled}
    with pytest.raises(InputError, match="without an end"):
        modules.named_arrays(doubled, argument="x")


# Damage.


def every_array(root):
    """Yields the arrays of a loaded tree and visits shared objects once."""
    visited, pending = set(), [root]
    while pending:
        value = pending.pop()
        if id(value) in visited:
            continue
        visited.add(id(value))
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, inert.Record):
            pending += [value.args, value.kwargs, value.state, value.entries, *value.items]
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value


MODULE = Call(Name("torch.nn", "Module"), (), {"_parameters": {"w": FLOATS}, "_modules": {}})
NUMBERS = np.arange(6, dtype="<f4").tobytes()
TREE = {
    "w": build.tensor(build.storage("0", 6), (2, 3), (3, 1)),
    "t": build.tensor(build.storage("0", 6), (3, 2), (1, 3)),
    "n": FLOATS,
}
OLD_TREE = {
    "w": build.tensor(build.storage("0", 6, view=None), (2, 3), (3, 1)),
    "v": build.tensor(build.storage("0", 6, view=("1", 2, 4)), (2, 2), (2, 1)),
}
STORAGE = build.legacy(build.storage("7", 6, view=None), {"7": NUMBERS})
ZIPPED = build.zipped(build.storage("7", 6), {"7": NUMBERS})
IN_BYTES = Call(Name("torch.storage", "_load_from_bytes"), (STORAGE,))
FILES = {
    "pickle": build.program([MODULE, {"x": np.pi, "y": (1, b"z")}]),
    "protocol 4": pickle.dumps({"a": [np.arange(4.0)], "b": {"c", 2}, "d": (None, True)}, 4),
    "protocol 0": pickle.dumps({"a": [np.arange(4.0)], "b": "text", "d": (None, 1.5)}, 0),
    "storage in bytes": build.program(build.tensor(IN_BYTES, (6,), (1,))),
    "archive in bytes": build.program(build.tensor(Call(IN_BYTES.function, (ZIPPED,)), (6,), (1,))),
    "zip": build.zipped(TREE, {"0": NUMBERS}),
    "script": build.zipped(TREE, {"0": NUMBERS}, extra={"archive/constants.pkl": b"\x80\x02)."}),
    "legacy": build.legacy(OLD_TREE, {"0": NUMBERS}),
}


def load_file(path):
    """Loads a file by its kind, and reads all its numbers."""
    kind = detect.kind(path, argument="x")
    assert detect.describe(path, argument="x").isprintable()
    assert kind in detect.KINDS
    if kind == "unknown":
        raise InputError("x", "must be known")
    value = (inert if kind == "pickle" else torch_file).load(path, argument="x")
    modules.named_arrays(value, argument="x")
    return [array.tobytes() for array in every_array(value)]


def check_mutations(path, *, count, seed):
    """Loads mutated files and returns the number of successes; raises for any other exception."""
    chance, successes = random.Random(seed), 0
    for _ in range(count):
        for data in FILES.values():
            rewrite(path, mutated(data, chance=chance))
            with contextlib.suppress(InputError):
                load_file(path)
                successes += 1
    return successes


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_files_to_mutate_are_valid(tmp_path, name):
    (tmp_path / "x").write_bytes(FILES[name])
    assert load_file(tmp_path / "x")


def test_mutated_files_give_data_or_one_error(tmp_path):
    successes = check_mutations(tmp_path / "x", count=60, seed=0)
    assert 0 < successes < 60 * len(FILES)


@pytest.mark.parametrize("name", ["zip", "script", "legacy"])
def test_every_truncation_of_a_file_is_an_error(tmp_path, name):
    for end in range(1, len(FILES[name])):
        rewrite(tmp_path / "x", FILES[name][:end])
        with pytest.raises(InputError):
            load_file(tmp_path / "x")


# Memory.

# Loads files and prints the increase of the peak memory over the idle process, in bytes.
METER = """
import gc, resource, sys
import numpy, brgm_tf
from brgm_tf.weights.formats import inert, modules, torch_file
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
gc.disable()  # it takes most of the time; without it, memory can only be larger
idle = peak()
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            is_pickle = file.read(2) != b"PK"
        (inert if is_pickle else torch_file).load(path, argument="x")
    except brgm_tf.InputError:
        pass
print(peak() - idle)
"""


STEPS = limits.MAX_STEPS - 1000
REPEATED = b"q\x01h\x00h\x01R" + b"h\x00h\x01R" * (STEPS // 3)
BOMBS = {
    "sets": b"\x8f" * STEPS,
    "dicts": b"}NNs" * (STEPS // 4),
    "records": b"cA\nB\nq\x000" + b"h\x00)RNNs" * (STEPS // 6),
    "arrays": build.code(Name("numpy.core.numeric", "_frombuffer"))
    + b"q\x00"
    + build.code((bytes(4), build.dtype("f4"), (1,) * 32, "C"))
    + REPEATED,
    "a set": b"\x8f(" + b"".join(b"J" + struct.pack("<i", i) for i in range(STEPS - 2)) + b"\x90",
    "wide texts": build.text("a" * 2**19 + "\U0001f600") * 50,
    "lines": (b"V" + b"a" * 2**19 + b"\\U0001F600\n") * 50,
}


def test_small_files_use_at_most_200_mb(tmp_path):
    paths = [tmp_path / name for name in BOMBS]
    for path in paths:
        path.write_bytes(BOMBS[path.name] + b".")
    largest = max(path.stat().st_size for path in paths)
    assert memory_of(METER, *paths) < 2 * largest + 200e6


def test_large_files_use_at_most_twice_their_size(tmp_path):
    size = 2**27
    (tmp_path / "x").write_bytes(
        build.zipped(build.storage("0", size // 2, kind="BFloat16Storage"), {"0": bytes(size)})
    )
    assert memory_of(METER, tmp_path / "x") < 2 * size + 100e6


def test_only_memory_of_mapped_files_is_released():
    private = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    private[:4] = b"kept"
    source.release(np.frombuffer(private, np.uint8))
    assert private[:4] == b"kept"


# Runs the check of this file in a separate process.
FUZZ = """
import pathlib, resource, sys
import test_hostile as test
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
idle = peak()
test.check_mutations(pathlib.Path(sys.argv[1]), count=600, seed=1)
print(peak() - idle)
"""


def test_many_mutated_files_give_data_or_one_error_in_bounded_memory(tmp_path):
    assert memory_of(FUZZ, tmp_path / "x") < 200e6
