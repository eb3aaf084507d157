"""LZ4 frames and joblib's lists of arrays, read without the packages lz4 and joblib."""

import pickle

import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import joblib_file, lz4

# joblib.dump([np.arange(6, dtype="f4").reshape(2, 3), np.array([1.5], "f4")], file) of joblib 1.6.
ARRAYS = bytes.fromhex(
    "800495d6000000000000005d94288c136a6f626c69622e6e756d70795f7069636b6c65948c114e756d7079417272"
    "6179577261707065729493942981947d94288c08737562636c617373948c056e756d7079948c076e646172726179"
    "9493948c057368617065944b024b0386948c056f72646572948c0143948c0564747970659468078c056474797065"
    "9493948c02663494898887945294284b038c013c944e4e4e4affffffff4affffffff4b007494628c0a616c6c6f77"
    "5f6d6d617094888c1b6e756d70795f61727261795f616c69676e6d656e745f6279746573944b1075620effffffff"
    "ffffffffffffffffffff000000000000803f0000004000004040000080400000a040952300000000000000680329"
    "81947d942868066809680a4b018594680c680d680e681368168868174b1075620bffffffffffffffffffffff0000"
    "c03f652e"
)
# The first block has a literal and copies, and one copy overlaps itself. The second is stored.
HEAD = bytes.fromhex("04224d18604082")
BLOCK = b"\x33abc\x03\x00" + b"\x1fZ\x01\x00\x05" + b"\x10!"
FRAME = HEAD + len(BLOCK).to_bytes(4, "little") + BLOCK
FRAME += (2 | 1 << 31).to_bytes(4, "little") + b"hi" + bytes(4)


def test_arrays_of_a_list_are_read():
    first, second = joblib_file.load_arrays(ARRAYS, argument="x")
    np.testing.assert_array_equal(first, np.arange(6, dtype="f4").reshape(2, 3))
    np.testing.assert_array_equal(second, np.array([1.5], "f4"))


@pytest.mark.parametrize("end", [10, 100, 240, 300])
def test_a_file_that_is_cut_off_is_refused(end):
    with pytest.raises(InputError, match="must be a whole file"):
        joblib_file.load_arrays(ARRAYS[:end], argument="x")


def test_something_else_is_refused():
    with pytest.raises(InputError, match="other than a list of arrays"):
        joblib_file.load_arrays(pickle.dumps({"a": 1}), argument="x")


def test_copies_of_a_frame_are_made():
    assert lz4.decompress(FRAME) == b"abcabcabca" + b"Z" * 25 + b"!" + b"hi"


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 and more",
        HEAD + (4).to_bytes(4, "little") + b"\x10a\x09\x00" + bytes(4),  # copies from before
        HEAD + (40).to_bytes(4, "little") + b"\x10a",
    ],
)
def test_damaged_frames_are_refused(data):
    with pytest.raises((ValueError, IndexError)):
        lz4.decompress(data)


def test_a_frame_of_more_bytes_than_expected_is_refused():
    with pytest.raises(ValueError, match=r"out of range|more bytes"):
        lz4.decompress(FRAME, largest=20)
