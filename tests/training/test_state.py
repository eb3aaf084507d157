"""Snapshots are complete, and are loaded bit for bit."""

import numpy as np
import pytest

from brgm_tf.training import state as states


def example_state(step=3):
    values = np.random.default_rng(step).standard_normal(5).astype("float32")
    return {"step": np.int32(step), "generator/w": values}


def test_a_snapshot_is_loaded_bit_for_bit(tmp_path):
    path = states.save(tmp_path, example_state(), {"seconds": 2.5})
    arrays, about = states.load(path)
    np.testing.assert_array_equal(arrays["generator/w"], example_state()["generator/w"])
    assert (arrays["step"], about["seconds"]) == (3, 2.5)


@pytest.mark.parametrize("cut", [0, 30, 200])
def test_a_truncated_snapshot_is_refused(tmp_path, cut):
    path = states.save(tmp_path, example_state(), {})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match="is damaged"):
        states.load(path)


def test_a_flipped_bit_is_refused(tmp_path):
    path = states.save(tmp_path, example_state(), {})
    content = bytearray(path.read_bytes())
    content[content.index(example_state()["generator/w"].tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        states.load(path)


def test_another_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "FORMAT", 99)
    path = states.save(tmp_path, example_state(), {})
    monkeypatch.undo()
    with pytest.raises(ValueError, match="has format 99"):
        states.load(path)


def test_only_the_newest_two_snapshots_remain(tmp_path):
    for step in (1, 2, 30):
        states.save(tmp_path, example_state(step), {})
    (tmp_path / "snapshot-000000031.partial").write_bytes(b"half")
    (tmp_path / "snapshot-of-mine.npz").write_bytes(b"")
    states.remove_old(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["snapshot-000000002.npz", "snapshot-000000030.npz", "snapshot-of-mine.npz"]
