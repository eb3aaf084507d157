"""Shards of a collection consist of whole batches."""

import json

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.sharding import Shard, shard_of


def cluster(kind, index, **workers):
    return json.dumps({"cluster": workers, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_batch_is_in_one_shard(count):
    specs = list(range(11))
    shards = [Shard(i, count).batches(specs, batch_size=2) for i in range(count)]
    assert sorted(batch for shard in shards for batch in shard) == Shard().batches(
        specs, batch_size=2
    )


def test_shards_take_batches_in_turn():
    assert Shard(1, 2).batches("abcdefg", batch_size=2) == [["c", "d"], ["g"]]


def test_a_shard_is_parsed_from_index_and_count():
    assert shard_of("2/3") == Shard(2, 3)


def test_each_shard_has_a_separate_table():
    assert Shard(2, 3).table == "metrics-00002-of-00003.csv"
    assert Shard().table == "metrics.csv"


@pytest.mark.parametrize("text", ["3/3", "-1/3", "1", "1/0", "a/b", ""])
def test_an_invalid_shard_is_refused(text):
    with pytest.raises(InputError, match=r"`shard` must be INDEX/COUNT.*--shard=0/2"):
        shard_of(text)


def test_auto_is_the_whole_collection_without_a_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert shard_of("auto") == Shard()


@pytest.mark.parametrize(("kind", "index", "expected"), [("chief", 0, 0), ("worker", 1, 2)])
def test_auto_is_the_task_of_the_cluster(monkeypatch, kind, index, expected):
    hosts = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}
    monkeypatch.setenv("TF_CONFIG", cluster(kind, index, **hosts))
    assert shard_of("auto") == Shard(expected, 3)


@pytest.mark.parametrize("text", ["no json", "[]", "{}", cluster("ps", 0, worker=["a:1"])])
def test_a_cluster_without_this_task_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG"):
        shard_of("auto")
