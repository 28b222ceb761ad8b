"""The registry of tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import sinks
from pipeline.sinks import open_sink
from pipeline.sinks.parquet import ParquetSink


@pytest.mark.parametrize("name", ["t.parquet", "T.PARQUET", "t", "t.captions"])
def test_a_table_is_parquet_unless_its_suffix_says_otherwise(name: str, tmp_path: Path) -> None:
    sink = open_sink(tmp_path / name)
    assert isinstance(sink, ParquetSink)
    assert sink.path == tmp_path / name
    assert list(tmp_path.iterdir()) == []


def test_another_suffix_opens_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(ParquetSink):
        pass

    monkeypatch.setattr(sinks, "SINKS", {**sinks.SINKS, ".other": Other})
    assert isinstance(open_sink(tmp_path / "t.other"), Other)
