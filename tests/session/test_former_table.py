from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import BooksError
from pipeline.session.former_table import FormerRow, former_rows
from tests.rig import Rig


def rows_of(path: Path, spec_id: str) -> list[FormerRow]:
    return [row for page in former_rows(path, bytes.fromhex(spec_id)) for row in page]


def test_rows_of_a_spec_come_back_as_the_ledger_had_them(rig: Rig) -> None:
    rig.add("a.png", "sub/b.png")
    (rig.data / "c.png").write_bytes((rig.data / "a.png").read_bytes())
    (rig.data / "odd.png").write_bytes(b"no picture")
    rig.run()
    sent = [row for row in rig.table() if row["spec_id"]]
    found = rows_of(rig.workspace.table, sent[0]["spec_id"])
    assert [(row.folder, row.name, row.represents) for row in found] == [
        ("", "a.png", True), ("", "c.png", False), ("sub", "b.png", True),
    ]  # fmt: skip
    for row, shown in zip(found, sent, strict=True):
        assert row.source_id.hex() == shown["source_id"]
        assert row.content_id.hex() == shown["content_id"]
        assert row.work_key.hex() == shown["work_key"]
        assert row.sent == (shown["sent_width"], shown["sent_height"])
        assert row.estimated == int(shown["estimated_cost"] * 10**9)
    assert rows_of(rig.workspace.table, "0" * 64) == []


@pytest.mark.parametrize("damage", [b"", b"no table", None])
def test_a_damaged_table_is_said(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "captions.parquet"
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(BooksError, match="cannot be read"):
        rows_of(path, "0" * 64)
