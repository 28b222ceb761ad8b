"""The format of Lance with its library; in a process of its own, see tests/sinks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for
from pipeline.core.table import Kind
from pipeline.sinks.export_folder import ExportFolder
from pipeline.sinks.exported import PartFacts
from pipeline.sinks.lance_dataset import LanceDataset
from tests.rig import Rig
from tests.sinks.rows import VALUES, exported

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]
lance = pytest.importorskip("lance")
KINDS: dict[str, Kind] = {
    "text": "text", "tags": "strings", "cost": "money", "when": "time", "count": "int64",
    "share": "double", "sure": "bool", "nothing": "string",
}  # fmt: skip


def test_parts_become_one_version(tmp_path: Path) -> None:
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
    format_ = LanceDataset(tmp_path, {"text": "text"}, has_pictures=False)
    folder = ExportFolder(tmp_path, "lance")
    facts = format_.write_part(
        iter([exported(1, picture=None, values={"text": "a"})]), "train", folder.place("part")
    )
    folder.add("part", facts)
    folder.finish(format_, [("part", facts)])
    assert lance.dataset(str(tmp_path)).schema.names == ["key", "text", "split"]


def test_an_export_is_the_next_version(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png", "b.png", "c.png")
    manifest = rig.data / "items.csv"
    manifest.write_text("path,key\na.png,1\nb.png,2\n")
    rig.run(manifest=manifest)
    options = ExportOptions(split="train=50,test=50")
    for count in (2, 2, 3):
        if count == 3:
            manifest.write_text("path,key\na.png,1\nb.png,2\nc.png,3\n")
            rig.run(manifest=manifest)
        export_for(rig.config(), "lance", tmp_path / "set", options, rig.said.append)
        rows = lance.dataset(str(tmp_path / "set")).to_table().to_pylist()
        captions = {row["path"]: row["caption"] for row in rig.table()}
        assert {row["path"]: row["caption"] for row in rows} == captions
        assert len(rows) == count
        assert all(row["image"].startswith(b"\xff\xd8") for row in rows)
        assert {row["key_"] for row in rows} == {str(n + 1) for n in range(count)}
