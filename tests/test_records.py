from __future__ import annotations

import pickle
import typing

import pytest
from msgspec import Struct

from pipeline import records
from pipeline.records import NANO_PER_USD, TERMINAL_STATUSES, RemoteBatch

CLASSES = [
    value
    for value in vars(records).values()
    if isinstance(value, type) and issubclass(value, Struct) and value is not Struct
]


def batch(status: str) -> RemoteBatch:
    return RemoteBatch("batch_1", typing.cast(records.BatchStatus, status), "file_1", None, None, 0)


@pytest.mark.parametrize("record", CLASSES)
def test_records_are_frozen(record: type[Struct]) -> None:
    assert record.__struct_config__.frozen


def test_records_go_to_worker_processes_and_back() -> None:
    image = records.PreparedImage(b"s", b"c", "JPEG", 4, 3, 2, 1, "image/jpeg", b"AA==", ("x",))
    source = records.SourceFile("a/b", "c.jpg", "/x/a/b/c.jpg", columns={"title": "T"})
    rejected = records.RejectedImage(None, records.Rejection("unreadable", "no permission"))
    for value in (image, source, rejected, records.KnownImage(b"s"), batch("completed")):
        assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize("status", typing.get_args(records.BatchStatus))
def test_only_four_statuses_are_the_end(status: str) -> None:
    assert batch(status).terminal == (status in {"completed", "failed", "expired", "cancelled"})


def test_sets_of_words_are_of_their_vocabulary() -> None:
    assert set(typing.get_args(records.BatchStatus)) >= TERMINAL_STATUSES


def test_a_dollar_is_a_billion_nano_dollars() -> None:
    assert NANO_PER_USD == 10**9
    assert isinstance(NANO_PER_USD, int)
