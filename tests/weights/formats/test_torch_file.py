"""PyTorch files: real files of two versions, and files written instruction by instruction."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch_files as build
from torch_files import Call, Name, Raw

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import inert, modules, torch_file

GOLDEN = Path(__file__).parents[2] / "golden"
VERSIONS = ("1.13.1", "2.13.0")
NUMBERS = np.arange(6, dtype="<f4")
SIX = NUMBERS.tobytes()


def golden(group):
    """Returns the expected arrays of the files of tools/golden/make_golden_torch.py."""
    with np.load(GOLDEN / "torch.npz", allow_pickle=False) as arrays:
        return {key.split("/")[1]: arrays[key] for key in arrays if key.startswith(f"{group}/")}


@pytest.fixture
def load(tmp_path):
    """Returns a function that loads the bytes of a PyTorch file."""

    def load(data):
        (tmp_path / "x.pt").write_bytes(data)
        return torch_file.load(tmp_path / "x.pt", argument="x")

    return load


@pytest.fixture
def refused(load):
    """Returns a function that loads bytes and returns the error, which has one line."""

    def refused(data):
        with pytest.raises(InputError) as caught:
            load(data)
        message = str(caught.value)
        assert message.startswith("`x` must ")
        assert message.isprintable()
        return message

    return refused


def check_equal(arrays, expected):
    assert sorted(arrays) == sorted(expected)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name], strict=True, err_msg=name)


# Files of the real PyTorch.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_files_of_torch_save_are_read(version, form):
    arrays = torch_file.load(GOLDEN / f"torch-{version}-{form}.pt", argument="x")
    check_equal(arrays, golden("saved"))
    assert np.shares_memory(arrays["base"], arrays["strided"])


@pytest.mark.parametrize("version", VERSIONS)
def test_arrays_of_a_script_are_named(version):
    arrays = torch_file.load(GOLDEN / f"torch-{version}-script.pt", argument="x")
    check_equal(arrays, golden("module"))


@pytest.mark.parametrize("version", VERSIONS)
def test_arrays_of_pickled_modules_are_named(version):
    pickled = inert.load(GOLDEN / f"torch-{version}-modules.pkl", argument="x")
    persistent, expected = pickled["G_ema"], golden("module")
    assert persistent.module == "torch_utils.persistence"
    assert persistent.args[0]["class_name"] == "Outer"
    check_equal(modules.named_arrays(persistent, argument="x"), expected)
    inner = {name: expected[f"inner.{name}"] for name in ("weight", "bias")}
    check_equal(modules.named_arrays(pickled["plain"], argument="x"), inner)


# Tensors.


def zip_of(value, data=SIX, **keywords):
    return build.zipped(value, {"0": data}, **keywords)


def floats(count=6):
    return build.storage("0", count)


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((2, 3), (3, 1), 0),
        ((3, 2), (1, 3), 0),
        ((2, 2), (2, 1), 1),
        ((), (), 5),
        ((0, 9), (9, 1), 0),
    ],
)
def test_tensors_are_strided_views(load, size, stride, offset):
    array = load(zip_of(build.tensor(floats(), size, stride, offset=offset)))
    assert array.shape == size
    for index in np.ndindex(*size):
        assert array[index] == offset + np.dot(index, stride)
    assert array.size == 0 or not array.flags.writeable


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((7,), (1,), 0),
        ((2, 3), (4, 1), 0),
        ((1,), (1,), 6),
        ((2,), (2**62, ), 0),
        ((2,), (-1,), 1),
        ((-1,), (1,), 0),
        ((1,), (1,), -1),
        ((2,), (1, 1), 0),
        ((2**40,), (0,), 0),
        ((4, 4), (0, 0), 0),
        (2, 1, 0),
        ((1.0,), (1,), 0),
    ],
)  # fmt: skip
def test_a_tensor_outside_its_storage_is_refused(refused, size, stride, offset):
    refused(zip_of(build.tensor(floats(), size, stride, offset=offset)))
    old = build.tensor(build.storage("0", 6, view=None), size, stride, offset=offset)
    refused(build.legacy(old, {"0": SIX}))


def test_a_storage_smaller_than_stated_is_refused(refused):
    assert "a storage of 28 bytes" in refused(zip_of(floats(7)))
    refused(zip_of(floats(2**62)))
    refused(zip_of(floats(-1)))


def test_a_storage_of_another_type_is_refused(refused):
    assert "QInt8Storage" in refused(zip_of(build.storage("0", 6, kind="QInt8Storage")))


def test_a_missing_storage_is_refused(refused):
    assert "archive/data/../9" in refused(zip_of(build.storage("../9", 6)))


@pytest.mark.parametrize(
    "key", [("storage",), ("storage", "torch", "0", "cpu", 6), ("other",) * 5, 7, None, [], ()]
)
def test_unknown_persistent_ids_are_refused(refused, key):
    refused(zip_of(build.Outside(key)))
    refused(build.legacy(build.Outside(key), {}))


def test_bfloat16_becomes_float32(load):
    halves = np.array([1.5, -2.0], "<f4").view("<u2")[1::2]
    array = load(zip_of(build.storage("0", 2, kind="BFloat16Storage"), halves.tobytes()))
    np.testing.assert_array_equal(array, np.array([1.5, -2.0], "float32"), strict=True)


def test_a_tensor_over_an_untyped_storage_is_loaded(load):
    dtype = Name("torch", "uint16")
    values = build.storage("0", 4, kind="UntypedStorage")
    call = Call(
        Name("torch._utils", "_rebuild_tensor_v3"), (values, 0, (2,), (1,), False, {}, dtype)
    )
    array = load(zip_of(call, struct.pack("<2H", 1, 40_000)))
    np.testing.assert_array_equal(array, np.array([1, 40_000], "uint16"), strict=True)


def test_parameters_and_plain_subclasses_become_their_tensors(load):
    tensor = build.tensor(floats(), (6,), (1,))
    parameter = Call(Name("torch._utils", "_rebuild_parameter"), (tensor, True, {}))
    args = (tensor.function, Name("torch", "Tensor"), tensor.args, {})
    subclass = Call(Name("torch._tensor", "_rebuild_from_type_v2"), args)
    for array in load(zip_of([parameter, subclass])):
        np.testing.assert_array_equal(array, NUMBERS)


def test_a_lazily_negated_tensor_is_refused(refused):
    tensor = build.tensor(floats(), (6,), (1,))
    assert "negative" in refused(zip_of(Call(tensor.function, (*tensor.args, {"neg": True}))))


def test_objects_other_than_tensors_stay_records(load):
    device = Call(Name("torch", "device"), ("cuda", 0))
    size = Call(Name("torch", "Size"), ((1, 2),))
    saved = load(zip_of([Name("torch", "float32"), size, device]))
    assert saved[:2] == [inert.Global("torch", "float32"), (1, 2)]
    assert saved[2].args == ("cuda", 0)


# Zip archives.


def test_the_folder_in_the_archive_may_have_any_name(load):
    np.testing.assert_array_equal(load(zip_of(floats(), root="my model")), NUMBERS)


def test_names_outside_the_archive_write_nothing(load, tmp_path):
    climbing = {"../climbed": b"x", "/tmp/climbed": b"x", "archive/../../climbed": b"x"}
    before = sorted(tmp_path.parent.rglob("*"))
    np.testing.assert_array_equal(load(zip_of(floats(), extra=climbing)), NUMBERS)
    assert sorted(tmp_path.parent.rglob("*")) == sorted([*before, tmp_path / "x.pt"])


def test_a_compressed_entry_is_refused(refused):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", build.program(build.storage("0", 10**7)))
        archive.writestr("archive/data/0", bytes(4 * 10**7))
    assert "compressed" in refused(file.getvalue())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names_of_entries_are_refused(refused):
    extra = {"archive/data/0": bytes(24)}
    assert "one name" in refused(zip_of(floats(), extra=extra))


def test_an_archive_without_a_pickle_is_refused(refused):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "text")
    assert "data.pkl" in refused(file.getvalue())


def test_an_archive_with_too_many_entries_is_refused(refused):
    many = {f"archive/{i:0100}": b"" for i in range(16_000)}
    assert "too large a directory" in refused(zip_of(floats(), extra=many))


@pytest.mark.parametrize(
    ("field", "value"), [(20, 2**31), (24, 5), (24, 2**32 - 2), (42, 2**31), (42, 1)]
)
def test_inconsistent_lists_of_entries_are_refused(refused, field, value):
    data = bytearray(zip_of(floats()))
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + field, value)
    refused(bytes(data))


def test_numbers_of_another_byte_order_are_refused(refused):
    data = zip_of(floats()).replace(b"little", b"biggie")
    assert "byte order" in refused(data)
    assert "byte order" in refused(build.legacy(None, {}, header={"little_endian": False}))


def test_overlapping_entries_need_no_more_memory_than_the_file(refused):
    # The archive lists one storage a thousand times, and each copy would be converted to float32.
    names = [f"{i:04}" for i in range(1000)]
    storages = [build.storage(name, 2**16, kind="BFloat16Storage") for name in names]
    data = build.zipped(storages, {name: b"" for name in names[:-1]} | {names[-1]: bytes(2**17)})
    last = data.rindex(b"PK\x01\x02")
    listed = bytearray(data)
    offset = data.index(b"PK\x01\x02")
    while offset >= 0:
        if b"data/" in data[offset + 46 : offset + 65]:
            listed[offset + 16 : offset + 28] = data[last + 16 : last + 28]
            listed[offset + 42 : offset + 46] = data[last + 42 : last + 46]
        offset = data.find(b"PK\x01\x02", offset + 4)
    refused(bytes(listed))


# TorchScript.


def test_constants_of_a_script_have_their_names_in_the_code(load):
    file = io.BytesIO(
        build.zipped(Call(Name("__torch__", "Net"), (), {"w": floats()}), {"0": bytes(24)})
    )
    with zipfile.ZipFile(file, "a") as archive:
        constants = (build.tensor(floats(), (6,), (1,)), "text")
        archive.writestr("archive/constants.pkl", build.program(constants))
        archive.writestr("archive/constants/0", NUMBERS.tobytes())
        archive.writestr("archive/code/net.py", "raise SystemExit")
    arrays = load(file.getvalue())
    assert sorted(arrays) == ["CONSTANTS.c0", "w"]
    np.testing.assert_array_equal(arrays["CONSTANTS.c0"], NUMBERS)


def test_typed_lists_of_a_script_become_lists():
    tag = Call(Name("torch.jit._pickle", "restore_type_tag"), ([1, 2], "List[int]"))
    assert inert.load(build.program(tag), argument="x") == [1, 2]


# The legacy format.


def old(value, data=SIX, **keywords):
    return build.legacy(value, {"0": data}, **keywords)


def test_a_view_of_a_storage_is_loaded(load):
    view = build.storage("0", 6, view=("1", 2, 3))
    np.testing.assert_array_equal(load(old(view)), NUMBERS[2:5])


@pytest.mark.parametrize("view", [("1", 5, 2), ("1", -1, 2), ("1", 0, -1), ("1", 0), 7])
def test_a_view_beyond_its_storage_is_refused(refused, view):
    refused(old(build.storage("0", 6, view=view)))


def test_a_storage_larger_than_the_legacy_file_is_refused(refused):
    whole = old(build.storage("0", 6, view=None))
    count = struct.pack("<q", 6) + NUMBERS.tobytes()
    for claim in (7, -1, 2**62, -(2**63)):
        refused(whole.replace(count, struct.pack("<q", claim) + NUMBERS.tobytes()))


def test_storages_and_keys_must_agree(refused):
    stored = build.storage("0", 6, view=None)
    assert "not used" in refused(build.legacy(None, {"0": bytes(24)}))
    assert "not in the file" in refused(build.legacy(stored, {}))


def test_the_source_of_a_module_in_the_legacy_format_is_dropped(load):
    named = build.Outside(("module", Name("a", "Net"), "net.py", "raise SystemExit"))
    record = load(build.legacy(Raw(build.code(named) + b")\x81}b"), {}))
    assert record.name == "Net"


@pytest.mark.parametrize("header", [b"", b"\x80\x02K\x01.", b"<html>", b"\x80\x02]." * 3])
def test_other_files_are_refused(refused, header):
    refused(header + b"more of a file")


INSIDE = {
    "legacy": build.legacy(build.storage("7", 6, view=None), {"7": SIX}),
    "zip": build.zipped(build.storage("7", 6), {"7": SIX}),
}


@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE)
def test_nested_storages_are_loaded_to_a_depth_of_one(inside):
    loader = Name("torch.storage", "_load_from_bytes")
    array = inert.load(build.program(Call(loader, (inside,))), argument="x")
    np.testing.assert_array_equal(array, NUMBERS)
    for pack in (build.legacy, build.zipped):
        nested = pack(Call(loader, (inside,)), {})
        record = inert.load(build.program(Call(loader, (nested,))), argument="x")
        assert record.name == "_load_from_bytes"
