from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from pipeline.sinks.csv_rows import write_csv
from tests.sinks.rows import VALUES


def test_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    assert write_csv(path, list(VALUES), [VALUES]) == 1
    assert path.read_bytes().startswith(b"\xef\xbb\xbftext,")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert row["text"] == VALUES["text"]
    assert row["tags"] == "sea, boat"
    assert row["cost"] == "0.000125000"
    assert (row["sure"], row["nothing"], row["count"]) == ("true", "", "3")
    assert pd.read_csv(path)["share"].tolist() == [0.5]


def test_formulas_are_defused(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    write_csv(path, ["=name"], [{"=name": "=1+1"}, {"=name": "a;=cmd"}, {"=name": ["@x", "y"]}])
    with path.open(encoding="utf-8-sig", newline="") as handle:
        cells = [row[0] for row in csv.reader(handle)]
    assert all(not cell.startswith(("=", "@")) for cell in cells)
    assert cells[1] == "'=1+1"
