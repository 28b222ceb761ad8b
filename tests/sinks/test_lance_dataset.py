from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.core.table import Kind
from pipeline.errors import UsageError
from pipeline.sinks.export_folder import ExportFolder
from pipeline.sinks.exported import PartFacts
from pipeline.sinks.lance_dataset import LanceDataset
from tests.sinks.rows import VALUES, exported

KINDS: dict[str, Kind] = {
    "text": "text", "tags": "strings", "cost": "money", "when": "time", "count": "int64",
    "share": "double", "sure": "bool", "nothing": "string",
}  # fmt: skip


def test_without_the_library_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lance", None)
    with pytest.raises(UsageError, match=r"pip install 'captionmill\[lance\]'"):
        LanceDataset(tmp_path, KINDS, has_pictures=True)


def test_parts_become_one_version(tmp_path: Path) -> None:
    lance = pytest.importorskip("lance")
    format_ = LanceDataset(tmp_path, KINDS, has_pictures=True)
    folder = ExportFolder(tmp_path, "lance")
    parts: list[tuple[str, PartFacts]] = []
    for number in range(3):
        rows = [exported(100 * number + n, values=VALUES) for n in range(5)]
        facts = format_.write_part(iter(rows), "train", folder.place(f"part{number}"))
        folder.add(f"part{number}", facts)
        parts.append((f"part{number}", facts))
    folder.finish(format_, parts)
    table = lance.dataset(str(tmp_path)).to_table()
    assert table.num_rows == 15
    row = table.to_pylist()[7]
    assert {name: row[name] for name in VALUES} == VALUES
    assert row["image"] == exported(102).picture.data  # type: ignore[union-attr]
    assert (row["key"], row["split"]) == (exported(102).key, "train")

    again = ExportFolder(tmp_path, "lance")  # a part goes, the others stay as they are
    assert again.part("part1") == parts[1][1]
    again.finish(format_, parts[1:])
    dataset = lance.dataset(str(tmp_path))
    assert dataset.count_rows() == 10
    assert len(list((tmp_path / "data").iterdir())) == 2
    assert len(list((tmp_path / "_versions").glob("*.manifest"))) == 1


def test_captions_alone(tmp_path: Path) -> None:
    lance = pytest.importorskip("lance")
    format_ = LanceDataset(tmp_path, {"text": "text"}, has_pictures=False)
    folder = ExportFolder(tmp_path, "lance")
    facts = format_.write_part(
        iter([exported(1, picture=None, values={"text": "a"})]), "train", folder.place("part")
    )
    folder.add("part", facts)
    folder.finish(format_, [("part", facts)])
    assert lance.dataset(str(tmp_path)).schema.names == ["key", "text", "split"]
