from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.server.clock import ServerClock
from pipeline.server.database import ServerDatabase
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.faults import FaultPlan
from pipeline.server.file_store import FileStore
from pipeline.server.ids import IdGenerator
from pipeline.server.refusals import ApiError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ServerDatabase]:
    with closing(ServerDatabase(tmp_path / "server.db")) as opened:
        yield opened


@pytest.fixture
def clock() -> ServerClock:
    return ServerClock()


def _store(tmp_path: Path, database: ServerDatabase, clock: ServerClock) -> FileStore:
    desk = FaultInjector(FaultPlan(), clock)
    return FileStore(tmp_path / "files", database, clock, IdGenerator("seed"), desk)


@pytest.fixture
def store(tmp_path: Path, database: ServerDatabase, clock: ServerClock) -> FileStore:
    return _store(tmp_path, database, clock)


def _part(store: FileStore, data: bytes = b"x") -> Path:
    part = store.new_part()
    part.write_bytes(data)
    return part


def test_a_part_becomes_a_file(store: FileStore) -> None:
    row = store.adopt(_part(store, b"12345"), filename="a.jsonl", purpose="batch")
    assert (row.bytes, row.filename, row.expires_at) == (5, "a.jsonl", None)
    assert store.get(row.id) == row
    assert store.path(row.id).read_bytes() == b"12345"
    assert store.all() == [row]


def test_lines_are_written_as_they_come(store: FileStore) -> None:
    assert store.write_part(iter(())) is None
    part = store.write_part(iter((b"a", b"b")))
    assert part is not None
    assert part.read_bytes() == b"a\nb\n"


def test_a_restart_sweeps_what_was_half_done(
    store: FileStore, tmp_path: Path, database: ServerDatabase, clock: ServerClock
) -> None:
    kept = store.adopt(_part(store), filename="a.jsonl", purpose="batch")
    _part(store)
    (tmp_path / "files" / "file-orphan").write_bytes(b"renamed, but its row never came")
    again = _store(tmp_path, database, clock)
    assert [path.name for path in (tmp_path / "files").iterdir()] == [kept.id]
    assert again.all() == [kept]


def test_a_restart_removes_expired_bytes(
    store: FileStore, tmp_path: Path, database: ServerDatabase, clock: ServerClock
) -> None:
    row = store.adopt(_part(store), filename="a", purpose="batch", lives=100)
    clock.advance(101)
    assert store.path(row.id).exists()
    assert not _store(tmp_path, database, clock).path(row.id).exists()


def test_a_failed_transaction_leaves_no_row(store: FileStore, database: ServerDatabase) -> None:
    def broken() -> None:
        with database.transaction():
            store.adopt(_part(store), filename="a.jsonl", purpose="batch")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert store.all() == []


def test_late_and_expired_files_do_not_exist(store: FileStore, clock: ServerClock) -> None:
    row = store.adopt(_part(store), filename="a", purpose="batch", lives=100, delay=50)
    for seconds, there in ((0, False), (60, True), (100, False)):
        clock.advance(seconds)
        assert bool(store.all()) == there
    with pytest.raises(ApiError):
        store.delete(row.id)


def test_deleting_removes_the_bytes(store: FileStore) -> None:
    row = store.adopt(_part(store), filename="a", purpose="batch")
    store.delete(row.id)
    assert not store.path(row.id).exists()
    store.drop_unused(row.id)
