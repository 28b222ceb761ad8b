"""The command export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.commands.export import export_charges, export_copy, export_table
from pipeline.config.model import DEFAULT_SYSTEM, DEFAULT_USER
from pipeline.errors import UsageError
from tests.rig import MODEL, Rig, picture


def test_the_table_can_be_written_anew(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    rig.workspace.table.unlink()
    assert export_table(rig.config(), rig.said.append).rows == 1
    assert len(rig.table()) == 1


def test_every_charge_is_told_also_of_what_no_image_shows_any_more(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    rig.add("a.png", first=9)  # overwritten with another picture
    rig.run()
    rig.run(prompt__user="Which colour is it?")
    path = rig.data.parent / "charges.parquet"
    written = export_charges(rig.config(), path, rig.said.append)
    rows = pq.read_table(path).to_pylist()
    assert written.rows == len(rows) == 5
    assert sum(row["charged_cost"] for row in rows) * 10**9 == rig.server.bill.total_nano()
    assert [row["in_table"] for row in rows].count(True) == len(rig.table()) == 2
    assert {row["path"] for row in rows} == {"a.png", "b.png"}
    assert {row["source"] for row in rows} == {"imgs"}
    assert {row["prompt"] for row in rows} == {DEFAULT_USER, "Which colour is it?"}
    shown = sum(row["billed_cost"] for row in rig.table())
    assert shown < sum(row["charged_cost"] for row in rows)


@pytest.mark.parametrize(
    "name",
    ["captions.parquet", "ledger.db", "rejects.csv", "raw/x.parquet", "../out/table.parquet"],
)
def test_no_export_replaces_a_file_of_the_workspace(rig: Rig, tmp_path: Path, name: str) -> None:
    rig.add("a.png")
    config = rig.config(output__parquet=str(tmp_path / "out" / "table.parquet"))
    (tmp_path / "out").mkdir()
    rig.run(output__parquet=str(tmp_path / "out" / "table.parquet"))
    path = rig.workspace.root / name
    before = path.read_bytes()[:4] if path.exists() else None
    for export in (export_charges, export_copy):
        with pytest.raises(UsageError, match="is a file of the workspace: name another one"):
            export(config, path, rig.said.append)
    assert (path.read_bytes()[:4] if path.exists() else None) == before


@pytest.mark.parametrize("name", ["x.csv", "x.JSON"])
def test_a_name_promises_what_is_in_the_file(rig: Rig, tmp_path: Path, name: str) -> None:
    rig.add("a.png")
    rig.run()
    for export in (export_charges, export_copy):
        with pytest.raises(UsageError, match=r"would be written as Parquet: name it \.parquet"):
            export(rig.config(), tmp_path / name, rig.said.append)
    assert not (tmp_path / name).exists()
    assert export_copy(rig.config(), tmp_path / "x.PARQUET", rig.said.append).rows == 1
    assert export_copy(rig.config(), tmp_path / "bare", rig.said.append).rows == 1


def read(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_one_source_is_written_alone_and_the_workspaces_table_stays(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    other, out = rig.data.parent / "other", rig.data.parent / "alone.parquet"
    picture(other / "c.png", 77)
    report = rig.run(data=other)
    assert report.other_sources == ["imgs"]
    before = rig.workspace.table.read_bytes()
    said: list[str] = []
    assert export_copy(rig.config(), out, said.append, source="imgs").rows == 2
    assert rig.workspace.table.read_bytes() == before
    assert [row["path"] for row in read(out)] == ["a.png", "b.png"]
    assert read(out) == [row for row in rig.table() if row["source"] == "imgs"]
    assert export_copy(rig.config(), out, said.append).rows == 3
    with pytest.raises(UsageError, match="no source is called nobody; there are: imgs, other"):
        export_copy(rig.config(), out, said.append, source="nobody")
    # rows that are lost without a reason are noticed all the same
    assert rig.run(data=other).rows is None


def test_the_location_opens_and_is_left_out_where_it_should_not_go(rig: Rig) -> None:
    rig.add("sub/a.png")
    rig.run()
    (row,) = rig.table()
    assert Path(row["location"]).read_bytes() == (rig.data / "sub" / "a.png").read_bytes()
    assert rig.run().rows is None
    assert rig.run(output__locations=False).rows == 1
    assert "location" not in rig.table()[0]
    assert str(rig.data) not in rig.workspace.table.read_bytes().decode("latin-1")
    assert rig.run(output__locations=False).rows is None
    assert rig.run().rows == 1


def test_a_column_whose_name_is_taken_is_named_once(rig: Rig) -> None:
    rig.add("a.png")
    table = rig.data / "m.csv"
    table.write_text("file,location,title\na.png,Oslo,T\n")
    rig.run(manifest=table)
    assert [row["column_location"] for row in rig.table()] == ["Oslo"]
    sentence = (
        "column 'location' of the manifest is 'column_location' in the table, where its name is "
        "another column's"
    )
    assert [text for text in rig.said if "title" in text or "location" in text] == [sentence]
    rig.said.clear()
    rig.run(manifest=table)
    assert sentence not in rig.said


def test_the_words_of_the_prompts_stand_in_every_table(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.run(prompt__system="Be brief.", prompt__user="Which colour is it?")
    rig.run()
    export_charges(rig.config(), tmp_path / "charges.parquet", rig.said.append)
    for path in (rig.workspace.table, tmp_path / "charges.parquet"):
        metadata = pq.read_schema(path).metadata
        prompts = {row.pop("spec_id"): row for row in json.loads(metadata[b"captionmill.prompts"])}
        assert list(prompts.values()) == [
            {"model": MODEL, "system": "Be brief.", "user": "Which colour is it?"},
            {"model": MODEL, "system": DEFAULT_SYSTEM, "user": DEFAULT_USER},
        ]
        assert {row["spec_id"] for row in pq.read_table(path).to_pylist()} <= prompts.keys()


def test_tables_are_written_where_links_lead(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    (tmp_path / "disk").mkdir()
    links = [tmp_path / f"{name}.parquet" for name in ("captions", "copy", "charges")]
    for link in links:
        link.symlink_to(tmp_path / "disk" / link.name)
    for _ in range(2):
        rig.run(output__parquet=str(links[0]))
        export_copy(rig.config(), links[1], rig.said.append)
        export_charges(rig.config(), links[2], rig.said.append)
        rig.add("c.png", first=50)
    assert all(link.is_symlink() for link in links)
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == [
        "captions.parquet", "charges.parquet", "copy.parquet",
    ]  # fmt: skip
    assert [pq.read_table(link).num_rows for link in links] == [3, 3, 3]
