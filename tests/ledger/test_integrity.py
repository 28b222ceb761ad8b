from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from pipeline.errors import BooksError
from pipeline.ledger.database import Database
from pipeline.ledger.integrity import _BY_HASH, integrity
from tests.ledger.world import World

KEYS = range(1, 101)


def key(number: int) -> bytes:
    return bytes([number, 255 - number]) * 16


@pytest.fixture
def path(world: World, tmp_path: Path) -> Path:
    """A ledger with a hundred hashes in each table of hashes."""
    for number in KEYS:
        world.ledger.database.execute(
            "INSERT INTO originals (source_id) VALUES (?)", (key(number),)
        )
        world.ledger.database.execute("INSERT INTO works (work_key) VALUES (?)", (key(number),))
        values = (key(number),)
        world.ledger.database.execute(
            "INSERT INTO contents VALUES (NULL, ?, 1, 1, NULL, 0)", values
        )
    copy = tmp_path / "copy.db"
    world.ledger.database.backup(copy)
    return copy


def damage(path: Path) -> list[str]:
    with contextlib.closing(Database(path, read_only=True)) as database:
        try:
            return integrity(database)
        except BooksError as error:
            return [str(error)]


def test_a_flipped_bit_of_a_hash_is_found_in_tables_and_in_indexes(path: Path) -> None:
    assert damage(path) == []
    sound = path.read_bytes()
    places = [at for at in range(len(sound)) if sound.startswith(key(50), at)]
    assert len(places) == 2 * len(_BY_HASH), "each hash stands in its table and in its index"
    found = []
    for at in places:
        data = bytearray(sound)
        data[at + 1] ^= 1  # still between its neighbours
        path.write_bytes(data)
        found += damage(path)
    words = [f"{table} and its index of {column} differ" for table, column in _BY_HASH.items()]
    assert sorted(found) == sorted(2 * words)


def test_an_index_out_of_order_or_with_a_key_twice_is_found(path: Path) -> None:
    sound = path.read_bytes()
    for other in (key(200), key(51)):
        path.write_bytes(sound.replace(key(50), other))  # in both, so that both hold the same
        assert len(damage(path)) == len(_BY_HASH)


def test_another_index_is_looked_up_by_sqlite(world: World, tmp_path: Path) -> None:
    world.image("a.jpg", 1)
    path = tmp_path / "copy.db"
    world.ledger.database.backup(path)
    with contextlib.closing(sqlite3.connect(path)) as copy:
        (page,) = copy.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_images_1'"
        ).fetchone()
        (size,) = copy.execute("PRAGMA page_size").fetchone()
    data = bytearray(path.read_bytes())
    at = data.index(b"a.jpg", (page - 1) * size)
    data[at] ^= 1
    path.write_bytes(data)
    assert any("index sqlite_autoindex_images_1" in words for words in damage(path))


def pending_index(path: Path) -> int:
    """Where the page of the index of pending works begins in a file."""
    with contextlib.closing(sqlite3.connect(path)) as copy:
        (page,) = copy.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'works_pending'"
        ).fetchone()
        (size,) = copy.execute("PRAGMA page_size").fetchone()
    return int((page - 1) * size)


def test_a_pending_work_that_its_index_does_not_have_is_found(path: Path) -> None:
    """It would never be sent."""
    at = pending_index(path)
    data = bytearray(path.read_bytes())
    cells = int.from_bytes(data[at + 3 : at + 5], "big")
    assert cells == len(KEYS)
    pointer = at + 8 + 2 * (cells - 1)
    cell = at + int.from_bytes(data[pointer : pointer + 2], "big")
    data[at + 3 : at + 5] = (cells - 1).to_bytes(2, "big")  # the last cell is not there any more,
    data[at + 7] += 1 + data[cell]  # and its bytes are free
    path.write_bytes(data)
    assert damage(path) == ["works and their index works_pending differ"]


def test_a_pending_work_that_stands_elsewhere_in_its_index_is_found(path: Path) -> None:
    at = pending_index(path)
    sound = path.read_bytes()
    pointer = at + 8 + 2 * 49  # of the fiftieth cell
    cell = at + int.from_bytes(sound[pointer : pointer + 2], "big")
    size_of_cell = 1 + sound[cell]
    flipped = bytearray(sound)
    flipped[cell + size_of_cell - 1] ^= 64  # the row that it names
    path.write_bytes(flipped)
    assert damage(path) == ["works and their index works_pending differ"]


def test_each_index_of_a_table_of_hashes_is_compared(world: World) -> None:
    indexes = {
        name
        for name, table in world.ledger.database.execute(
            "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index'"
        )
        if table in _BY_HASH
    }
    assert indexes == {"works_pending", *(f"sqlite_autoindex_{table}_1" for table in _BY_HASH)}
