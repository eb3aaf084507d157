"""The allow-list unpickler: what it reads, and that it runs nothing."""

import contextlib
import copyreg
import io
import os
import pickle
import pickletools
import struct

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from brgm_tf import safe_pickle
from brgm_tf.errors import InputError

RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
NDARRAY = b"cnumpy\nndarray\n"
DTYPE = b"cnumpy\ndtype\n"
EMPTY_ARRAY = RECONSTRUCT + NDARRAY + b"K\x00\x85C\x01b\x87R"
F4 = DTYPE + b"X\x02\x00\x00\x00f4\x89\x88\x87R"
F4_STATE = b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def in_dict(value: bytes) -> bytes:
    """The program of {'a': value}."""
    return b"\x80\x03}X\x01\x00\x00\x00a" + value + b"s."


def array_state(shape: bytes, raw: bytes, dtype: bytes = F4 + F4_STATE) -> bytes:
    """The program of one array."""
    data = b"B" + struct.pack("<I", len(raw)) + raw
    return EMPTY_ARRAY + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb"


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        safe_pickle.load(data, argument="weights")
    message = str(caught.value)
    assert message.startswith("`weights` ")
    assert "\n" not in message
    assert len(message) < 600
    return message


class Reduces:
    """An object whose pickle calls what it is given."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


@pytest.fixture
def canary(tmp_path):
    """A path that must not exist when the test ends."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


@pytest.mark.parametrize("protocol", [3, 4])
def test_nested_dicts_of_arrays_come_back(protocol):
    tree = {"a": {"kernel": np.arange(6.0).reshape(2, 3), "bias": np.zeros(0, "f4")}, "b": {}}
    back = safe_pickle.load(pickle.dumps(tree, protocol), argument="weights")
    assert back["b"] == {}
    np.testing.assert_array_equal(back["a"]["kernel"], tree["a"]["kernel"])
    assert back["a"]["bias"].dtype == np.float32


def test_a_path_is_read_like_bytes(tmp_path):
    (tmp_path / "x.ckpt").write_bytes(pickle.dumps({"a": np.ones(3)}, 3))
    for path in (tmp_path / "x.ckpt", str(tmp_path / "x.ckpt")):
        np.testing.assert_array_equal(safe_pickle.load(path, argument="weights")["a"], 1)


def test_old_and_new_names_of_numpy_are_read_without_numpy():
    old = in_dict(array_state(b"K\x01K\x02\x86", b"\0" * 8))
    new = old.replace(b"numpy.core", b"numpy._core")
    for data in (old, new):
        array = safe_pickle.load(data, argument="weights")["a"]
        assert array.shape == (1, 2)
        assert array.dtype == np.float32


def test_arrays_are_read_only():
    array = safe_pickle.load(pickle.dumps({"a": np.ones(3)}, 3), argument="weights")["a"]
    assert not array.flags.writeable


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(
    array=hnp.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", "i1", "<i8", "u2", "?", "<f2"]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    order=st.sampled_from("CF"),
)
def test_any_numeric_array_comes_back(array, order):
    array = np.asarray(array, order=order)
    back = safe_pickle.load(pickle.dumps({"a": array}, 3), argument="weights")["a"]
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@hypothesis.settings(deadline=None, max_examples=200)
@hypothesis.given(st.data())
def test_a_damaged_pickle_gives_arrays_or_one_error(data):
    whole = bytearray(pickle.dumps({"a": {"b": np.arange(4.0)}, "c": np.ones((2, 2), "f4")}, 3))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        assert isinstance(safe_pickle.load(bytes(whole), argument="weights"), dict)


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_of_os_system_is_not_made(canary, protocol):
    hostile = Reduces(os.system, (f"touch {canary}",))
    refused(pickle.dumps({"a": hostile}, protocol))


def test_the_error_names_the_global_and_the_remedy():
    message = refused(pickle.dumps(Reduces(os.system, ("true",)), 3))
    assert f"{os.system.__module__}.system" in message
    assert "Give a pickle of nested dicts" in message


def test_a_stack_global_is_named_too():
    assert f"{os.system.__module__}.system" in refused(pickle.dumps(Reduces(os.system, ("",)), 4))


@pytest.mark.parametrize(
    "name",
    [
        b"numpy\nndarray.__class__",
        b"numpy\ncore.multiarray._reconstruct",
        b"numpy.core.multiarray\n_reconstruct.__globals__",
        b"numpy\nload",
        b"numpy.core.multiarray\nscalar",
        b"builtins\neval",
        b"brgm_tf.safe_pickle\npickle.loads",
    ],
)
def test_other_and_nested_names_are_refused(name):
    shown = name.replace(b"\n", b".").decode()
    assert shown in refused(in_dict(b"c" + name + b"\n"))


def test_a_nested_name_through_stack_global_is_refused():
    text = b"\x8c\x05numpy\x8c\x11ndarray.__class__\x93"
    assert "numpy.ndarray.__class__" in refused(in_dict(text))


@pytest.mark.parametrize("target", [RECONSTRUCT, NDARRAY, DTYPE])
def test_build_cannot_write_into_a_name(target):
    before = {kind: dict(vars(kind)) for kind in set(safe_pickle._GLOBALS.values())}
    refused(in_dict(target + b"}X\x01\x00\x00\x00xK\x01sb"))
    refused(in_dict(target + b"N}X\x08\x00\x00\x00__call__K\x01s\x86b"))
    assert before == {kind: dict(vars(kind)) for kind in before}


@pytest.mark.parametrize("target", [EMPTY_ARRAY, F4])
def test_build_cannot_add_attributes(target):
    refused(in_dict(target + b"}X\x01\x00\x00\x00xK\x01sb"))
    refused(in_dict(target + b"N}X\x09\x00\x00\x00__class__K\x01s\x86b"))


def test_the_extension_registry_is_not_asked(canary):
    copyreg.add_extension("os", "system", 0x7FFFFF)
    try:
        command = f"touch {canary}".encode()
        code = b"\x84\xff\xff\x7f\x00"
        call = code + b"X" + struct.pack("<I", len(command)) + command + b"\x85R"
        assert "EXT4" in refused(in_dict(call))
    finally:
        copyreg.remove_extension("os", "system", 0x7FFFFF)


@pytest.mark.parametrize(("ids", "name"), [(b"Pweights\n", "PERSID"), (b"K\x01Q", "BINPERSID")])
def test_persistent_ids_are_refused(ids, name):
    assert name in refused(in_dict(ids))


def test_the_unpickler_alone_refuses_persistent_ids():
    with pytest.raises(InputError, match="persistent id"):
        safe_pickle._Unpickler(in_dict(b"K\x01Q"), argument="weights").load()


@pytest.mark.parametrize("opcode", [b"i", b"o", b"\x81", b"\x92", b"\x95", b"\x97", b"]", b"F"])
def test_other_instructions_are_refused_or_broken(opcode):
    refused(in_dict(opcode + b"os\nsystem\n"))


def test_every_truncation_is_an_error():
    whole = pickle.dumps({"a": {"b": np.arange(4.0)}}, 3)
    for end in range(len(whole)):
        refused(whole[:end])


def test_object_arrays_are_refused():
    for protocol in (2, 3, 4):
        refused(pickle.dumps({"a": np.array([{}, "x"], dtype=object)}, protocol))
    assert "'O8'" in refused(in_dict(DTYPE + b"X\x02\x00\x00\x00O8\x89\x88\x87R"))


def test_a_dtype_cannot_turn_into_objects_by_its_state():
    state = b"(K\x03X\x01\x00\x00\x00|NX\x01\x00\x00\x00ONJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb"
    assert "structured" in refused(in_dict(F4 + state))


def test_structured_and_text_arrays_are_refused():
    refused(pickle.dumps({"a": np.zeros(2, [("x", "f4")])}, 3))
    refused(pickle.dumps({"a": np.array(["text"])}, 3))


def test_a_shape_that_the_bytes_do_not_fill_is_refused():
    huge = b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"
    assert "needs" in refused(in_dict(array_state(huge, b"\0" * 8)))
    refused(in_dict(array_state(b"J\xff\xff\xff\xffJ\xfe\xff\xff\xff\x86", b"\0" * 8)))
    refused(in_dict(array_state(b"K\x01\x85", b"\0" * 8)))


def test_a_huge_memo_index_is_refused():
    assert "memo index" in refused(in_dict(b"K\x01r\xff\xff\xff\x7f"))


def test_too_many_instructions_are_refused():
    assert "instructions" in refused(in_dict(b")" + b"\x85" * 30_000))


def test_an_array_without_a_state_is_refused():
    assert "Array at 'a'" in refused(in_dict(EMPTY_ARRAY))


def test_dicts_that_double_at_every_level_are_refused():
    tree = {}
    for _ in range(30):
        tree = {"x": tree, "y": tree}
    assert "share" in refused(pickle.dumps(tree, 3))


def test_a_dict_that_holds_itself_is_refused():
    tree = {}
    tree["x"] = tree
    assert "share" in refused(pickle.dumps(tree, 3))


@pytest.mark.parametrize(
    "tree", [{"a": 1}, {"a": "text"}, {"a": (1, 2)}, {1: np.ones(1)}, np.ones(2), (), None]
)
def test_anything_but_dicts_of_arrays_is_refused(tree):
    refused(pickle.dumps(tree, 3))


def test_bytes_that_are_no_pickle_are_one_line():
    for data in (b"", b"\n", b"<html>\n</html>\n", b"PK\x03\x04", b"cos\nsystem\n(S'true'\ntR."):
        refused(data)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"No such file.*missing"):
        safe_pickle.load(tmp_path / "missing.ckpt", argument="weights")


def test_pickletools_sees_what_the_unpickler_would():
    # The first pass relies on it: one unknown byte is an error for both.
    with pytest.raises(ValueError, match="unknown"):
        list(pickletools.genops(io.BytesIO(b"\x80\x03\xff.")))
