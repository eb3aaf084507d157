"""Pickles are loaded as plain data and records, both from real pickles and written instructions."""

import collections
import pickle

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
import torch_files as build
from torch_files import Call, Name, Raw

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import inert

F4 = np.dtype("f4")


def load(value):
    """Returns the loaded pickle of a value that is written instruction by instruction."""
    return inert.load(build.program(value), argument="x")


def same(a, b):
    """Returns whether trees with arrays are equal, types included."""
    if isinstance(a, np.ndarray | np.generic):
        return (
            type(a) is type(b)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and (a.tobytes() == b.tobytes())
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    return a == b


ARRAYS = hnp.arrays(
    st.sampled_from(["<f4", ">f4", "<f8", "i1", "<i8", "u2", "?", "<f2", "<c8"]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    elements={"allow_nan": False},
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
KEYS = st.one_of(st.text(), st.integers(-(2**63), 2**64 - 1), st.binary(), st.booleans())
TREES = st.recursive(
    st.one_of(SCALARS, ARRAYS, st.sets(KEYS, max_size=3), st.frozensets(KEYS, max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
        st.tuples(inner, inner),
    ),
    max_leaves=8,
)


@hypothesis.settings(deadline=None, max_examples=75)
@hypothesis.given(tree=TREES, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_data_of_any_protocol_round_trips(tree, protocol):
    assert same(inert.load(pickle.dumps(tree, protocol), argument="x"), tree)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_fortran_arrays_and_scalars_round_trip(protocol):
    tree = [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.float32(3), np.int64(-1)]
    assert same(inert.load(pickle.dumps(tree, protocol), argument="x"), tree)


def test_a_shared_array_stays_shared():
    array = np.arange(3.0)
    first, second = inert.load(pickle.dumps([array, array], 4), argument="x")
    assert first is second


def test_a_recursive_list_round_trips():
    cycle = []
    cycle.append(cycle)
    back = inert.load(pickle.dumps(cycle), argument="x")
    assert back[0] is back


def test_a_large_array_is_a_view_of_the_file(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(np.zeros(2**16, "f4"), 4))
    array = inert.load(path, argument="x")
    assert not array.flags.writeable
    assert not array.flags.owndata


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_large_array_of_any_binary_protocol_round_trips(protocol):
    array = np.arange(2**19, dtype="f4")
    assert same(inert.load(pickle.dumps(array, protocol), argument="x"), array)


def test_lone_surrogates_round_trip():
    assert inert.load(pickle.dumps({"\ud800": "\udfff"}), argument="x") == {"\ud800": "\udfff"}


def test_large_bytes_are_not_copied():
    data = bytes(2**17)
    back = inert.load(pickle.dumps([data, b"small"], 4), argument="x")
    assert isinstance(back[0], memoryview)
    assert back == [data, b"small"]


def test_old_and_new_module_names_of_numpy_are_supported():
    old = build.program(build.array((1, 2), bytes(8)))
    for data in (old, old.replace(b"numpy.core", b"numpy._core")):
        array = inert.load(data, argument="x")
        assert array.shape == (1, 2)
        assert array.dtype == F4


def test_an_array_of_python_2_is_loaded():
    # Protocol 2 of Python 2 writes the bytes of numbers as str: U and the length.
    numbers = np.arange(3, dtype="<f4").tobytes()
    array = load(build.array((3,), Raw(b"U\x0c" + numbers)))
    np.testing.assert_array_equal(array, [0, 1, 2])


def test_a_str_of_python_2_is_latin_1():
    assert load([Raw(b"U\x01\xe9"), Raw(b"T\x01\0\0\0\xe9"), Raw(b"S'\\xe9'\n")]) == ["é"] * 3


def test_containers_that_are_dicts_become_dicts():
    ordered = collections.OrderedDict(a=1, b=2)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        back = inert.load(pickle.dumps(ordered, protocol), argument="x")
        assert type(back) is dict
        assert back == {"a": 1, "b": 2}
    easy = Raw(b"cdnnlib.util\nEasyDict\n)\x81" + build.text("a") + b"K\x01s")
    assert load(easy) == {"a": 1}
    pairs = Call(Name("collections", "OrderedDict"), ([["a", 1]],))
    assert load(pairs) == {"a": 1}


def test_attributes_of_a_state_dict_are_dropped():
    state = Call(Name("collections", "OrderedDict"), (), {"_metadata": {}})
    assert load(state) == {}


class Point:
    def __init__(self, x):
        self.x = x


class Bag(list):
    pass


class Table(dict):
    pass


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_instance_becomes_a_record_with_its_state(protocol):
    record = inert.load(pickle.dumps(Point(3), protocol), argument="x")
    assert (record.module, record.name) == (Point.__module__, "Point")
    assert record.state == {"x": 3}
    assert record.args == ()


def test_elements_and_entries_of_an_instance_are_recorded():
    bag = inert.load(pickle.dumps(Bag([1, 2])), argument="x")
    table = inert.load(pickle.dumps(Table(a=1)), argument="x")
    assert (bag.name, bag.items) == ("Bag", [1, 2])
    assert (table.name, table.entries) == ("Table", {"a": 1})


def test_a_class_and_a_function_become_names():
    assert inert.load(pickle.dumps([Point, len]), argument="x") == [
        inert.Global(Point.__module__, "Point"),
        inert.Global("builtins", "len"),
    ]


def test_a_call_becomes_a_record_with_its_arguments():
    call = Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), ({"a": 1},))
    record = load(call)
    assert record.name == "_reconstruct_persistent_obj"
    assert record.args[0] == {"a": 1}
    assert record.kwargs == {}


def test_keyword_arguments_are_recorded():
    record = load(Raw(b"ca\nb\n)}" + build.text("k") + b"K\x01s\x92"))
    assert record.kwargs == {"k": 1}


@pytest.mark.parametrize("call", [b"(K\x01ia\nb\n", b"(ca\nb\nK\x01o"])
def test_instances_of_protocol_0_are_records(call):
    record = load(Raw(call))
    assert (record.module, record.name, record.args) == ("a", "b", (1,))


def test_a_subclass_of_an_array_stays_a_record():
    call = build.array((1,), bytes(4))
    record = load(Call(call.function, (Name("numpy", "matrix"), (0,), b"b"), call.state))
    assert record.name == "_reconstruct"
    assert record.state[4] == bytes(4)


def test_the_repr_of_a_record_does_not_show_its_contents():
    record = inert.load(pickle.dumps(Point("secret")), argument="x")
    assert repr(record) == f"<Record {Point.__module__}.Point>"


# Nested dicts of arrays.


def test_nested_dicts_of_arrays_are_accepted():
    tree = {"a": {"kernel": np.arange(6.0).reshape(2, 3), "bias": np.zeros(0, "f4")}, "b": {}}
    assert same(inert.load_arrays(pickle.dumps(tree, 3), argument="x"), tree)


def arrays_refused(tree):
    with pytest.raises(InputError, match="`x` must be") as caught:
        inert.load_arrays(pickle.dumps(tree, 3), argument="x")
    return str(caught.value)


@pytest.mark.parametrize(
    "tree", [{"a": 1}, {"a": "text"}, {"a": (1, 2)}, {1: np.ones(1)}, np.ones(2), (), None]
)
def test_trees_other_than_dicts_of_arrays_are_refused(tree):
    arrays_refused(tree)


def test_the_error_names_a_value_that_is_not_an_array_and_its_path():
    assert "Point at 'a/b'" in arrays_refused({"a": {"b": Point(1)}})


def test_an_array_without_its_state_is_refused():
    empty = build.array((1,), bytes(4))
    data = build.program({"a": Call(empty.function, empty.args)})
    with pytest.raises(InputError, match="_reconstruct at 'a'"):
        inert.load_arrays(data, argument="x")


def test_shared_or_recursive_dicts_are_refused():
    doubling = {}
    for _ in range(30):
        doubling = {"x": doubling, "y": doubling}
    assert "shared" in arrays_refused(doubling)
    cycle = {}
    cycle["x"] = cycle
    assert "shared" in arrays_refused(cycle)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"No such file.*missing"):
        inert.load(tmp_path / "missing.pkl", argument="x")


def test_an_empty_file_and_a_folder_are_named(tmp_path):
    (tmp_path / "empty.pkl").touch()
    with pytest.raises(InputError, match="empty"):
        inert.load(tmp_path / "empty.pkl", argument="x")
    with pytest.raises(InputError, match="folder"):
        inert.load(tmp_path, argument="x")


def test_a_path_with_a_null_byte_is_an_error():
    with pytest.raises(InputError, match="null"):
        inert.load("a\0b", argument="x")
