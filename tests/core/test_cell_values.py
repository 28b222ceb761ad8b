from __future__ import annotations

from pipeline.core.cell_values import by_number, custom_id_cells, flag_lists, hex_texts
from pipeline.core.identity import custom_id
from pipeline.core.page_columns import Hashes, Repeated

KEYS = (bytes(32), b"\xff" * 32, b"ab" * 16)


def test_bytes_become_hex_and_texts_stay() -> None:
    texts = hex_texts(KEYS)
    assert list(texts) == [key.hex() for key in KEYS]
    assert (len(texts), texts[1], texts[-2:]) == (3, "ff" * 32, [key.hex() for key in KEYS[1:]])
    assert hex_texts((KEYS[0], None, "aa", b"\xff")) == [KEYS[0].hex(), None, "aa", "ff"]
    assert list(hex_texts(())) == []


def test_cells_of_a_number() -> None:
    facts: dict[object, object] = {1: "one", 2: b"\x02"}
    assert by_number((1, 2, None, 3), facts) == ["one", "02", None, None]
    assert by_number((2, 2), facts) == ["02", "02"]


def test_ids_of_requests_are_those_of_each_one() -> None:
    assert custom_id_cells(KEYS, (1, 2, 1)) == [
        custom_id(key, attempt) for key, attempt in zip(KEYS, (1, 2, 1), strict=True)
    ]
    assert custom_id_cells((KEYS[0], None, KEYS[1].hex()), (1, 1, None)) == [
        custom_id(KEYS[0], 1), None, None
    ]  # fmt: skip


def test_cells_of_short_columns_are_those_of_each_row() -> None:
    keys, ones, twos = Hashes(b"".join(KEYS)), Repeated(1, 3), Repeated("a,b", 3)
    assert list(hex_texts(keys)) == [key.hex() for key in KEYS]
    assert list(custom_id_cells(keys, ones)) == custom_id_cells(KEYS, (1, 1, 1))
    assert custom_id_cells(keys, Repeated(None, 3)) == [None] * 3
    assert custom_id_cells(keys, (1, 2, 1)) == custom_id_cells(KEYS, (1, 2, 1))
    assert custom_id_cells(Repeated(None, 3), ones) == [None] * 3
    assert list(by_number(ones, {1: b"\x02"})) == ["02"] * 3
    assert list(by_number(ones, {})) == [None] * 3
    assert list(flag_lists(twos)) == [["a", "b"]] * 3
    assert list(flag_lists(Repeated(None, 3))) == [None] * 3
