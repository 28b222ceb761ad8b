"""The file of the index."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.ledger import Ledger
from pipeline.review.index_file import IndexFile, remember, remembered_fact


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    Ledger(tmp_path / "ledger.db").close()
    return tmp_path / "ledger.db"


def test_the_ledger_is_read_and_never_written(tmp_path: Path, ledger: Path) -> None:
    index = IndexFile(tmp_path / "review/index.db", ledger)
    assert index.ledger_row("SELECT COUNT(*) FROM ledger.images")[0] == 0
    with pytest.raises(Exception, match="readonly"), index.writing() as writer:
        writer.execute("DELETE FROM ledger.images")
    index.close()


def test_a_fact_is_kept_and_an_interrupted_one_is_not(tmp_path: Path, ledger: Path) -> None:
    index = IndexFile(tmp_path / "index.db", ledger)
    with index.writing() as writer:
        remember(writer, "step", "3")
    with pytest.raises(ZeroDivisionError), index.writing() as writer:
        remember(writer, "step", str(1 // 0))
    index.close()
    again = IndexFile(tmp_path / "index.db", ledger)
    with again.writing() as writer:
        assert remembered_fact(writer, "step") == "3"
    again.close()


def test_a_damaged_file_is_made_anew(tmp_path: Path, ledger: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"nonsense" * 999)
    index = IndexFile(tmp_path / "index.db", ledger)
    assert index.rows("SELECT * FROM cards") == []
    index.close()


def test_a_ledger_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot use the index"):
        IndexFile(tmp_path / "index.db", tmp_path / "none.db")
