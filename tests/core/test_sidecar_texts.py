from __future__ import annotations

from pipeline.core.cells import Cells
from pipeline.core.sidecar_texts import COLUMNS


def test_a_row_becomes_a_path_a_text_a_hash_in_hex_and_a_source() -> None:
    names = [column.name for column in COLUMNS]
    page = [("/photos/cat.jpg", "a cat", b"\x01\xff", "1"), ("/photos/dog.jpg", "a dog", b"", "2")]
    assert list(zip(*Cells(names, COLUMNS).of(page), strict=True)) == [
        ("/photos/cat.jpg", "a cat", "01ff", "1"),
        ("/photos/dog.jpg", "a dog", "", "2"),
    ]
