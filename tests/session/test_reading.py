from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.commands.export import export_charges, export_copy, export_table
from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for
from pipeline.commands.status import status
from pipeline.commands.verify import verify
from pipeline.errors import StorageError
from pipeline.session.reading import open_to_read
from pipeline.session.settings import RunSettings
from tests.read_only import read_only
from tests.rig import Rig


def test_a_read_only_workspace_is_read_and_never_written(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    root, config = rig.workspace.root, rig.config()
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with read_only(root):
        assert status(config).outcomes == {"captioned": 2}
        assert verify(config).findings == ()
        copy = export_copy(config, tmp_path / "copy.parquet", rig.said.append)
        bill = export_charges(config, tmp_path / "charges.parquet", rig.said.append)
        options = ExportOptions(pictures="none")
        lines = tmp_path / "captions.jsonl"
        export_for(config, "jsonl", lines, options, rig.said.append)
        with pytest.raises(StorageError, match="captionmill export --out FILE"):
            export_table(config, rig.said.append)
    assert (copy.rows, bill.rows) == (2, 2)
    assert len(lines.read_text().splitlines()) == 2
    assert {row["caption"] for row in pq.read_table(copy.path).to_pylist()} == {
        row["caption"] for row in rig.table()
    }
    assert any("cannot be written: a copy of its ledger is read" in text for text in rig.said)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    rig.check()


def test_a_workspace_that_can_be_written_is_opened_as_ever(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with open_to_read(RunSettings.of(rig.config()), "export", rig.said.append) as session:
        assert session.context.run == 2
        assert session.ledger.database.path == rig.workspace.ledger
