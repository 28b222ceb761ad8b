from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.server.bill import Bill, BilledAnswer, LoggedRequest
from pipeline.server.database import ServerDatabase
from pipeline.server.prices import TokenCounts


@pytest.fixture
def bill(tmp_path: Path) -> Iterator[Bill]:
    with closing(Bill(ServerDatabase(tmp_path / "server.db"))) as opened:
        yield opened


def _row(image: bytes | None = b"i", nano: int = 7, batch: str | None = "batch_1") -> BilledAnswer:
    usage = TokenCounts(prompt=10, completion=5, cached=3, cache_write=2, reasoning=1)
    return BilledAnswer(1.5, batch, "c1", b"request", image, b"prompt", "gpt-6-luna", usage, nano)


def test_rows_come_back_as_they_were_written(bill: Bill) -> None:
    rows = [_row(), _row(None, batch=None)]
    bill.charge(rows)
    assert bill.rows() == rows


def test_sums_and_repetitions(bill: Bill) -> None:
    assert bill.total_nano() == 0
    bill.charge([_row(b"a", 5), _row(b"b", 7), _row(b"a", 5, "batch_2")])
    assert bill.total_nano() == 17
    assert bill.times_billed()[(b"b", b"prompt", "gpt-6-luna")] == 1
    assert bill.billed_again() == {(b"a", b"prompt", "gpt-6-luna"): 2}


def test_requests_are_found_by_method_and_path(bill: Bill) -> None:
    bill.log(LoggedRequest(1.0, "POST", "/v1/batches", 200, None))
    bill.log(LoggedRequest(2.0, "POST", "/v1/files", 0, "drop_after"))
    bill.log(LoggedRequest(3.0, "GET", "/v1/batches/b", 200, None))
    assert [seen.time for seen in bill.requests()] == [1.0, 2.0, 3.0]
    assert [seen.path for seen in bill.requests("POST")] == ["/v1/batches", "/v1/files"]
    assert [seen.time for seen in bill.requests(path="/v1/batches")] == [1.0, 3.0]
    assert bill.requests("POST", "/v1/files")[0].fault == "drop_after"


def test_another_process_reads_but_cannot_write(bill: Bill, tmp_path: Path) -> None:
    bill.charge([_row()])
    other = Bill.open(tmp_path)
    assert other.total_nano() == 7
    with pytest.raises(Exception, match="readonly"):
        other.charge([_row()])
    other.close()


def test_books_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"server\.db"):
        Bill.open(tmp_path)
