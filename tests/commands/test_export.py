"""The command export."""

import pyarrow.parquet as pq
import pytest

from pipeline.commands.export import export_charges, export_table
from pipeline.errors import UsageError
from tests.rig import Rig


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
    assert {row["path"] for row in rows if row["in_table"]} == {"a.png", "b.png"}
    shown = sum(row["billed_cost"] for row in rig.table())
    assert shown < sum(row["charged_cost"] for row in rows)


def test_the_charges_never_replace_the_captions(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with pytest.raises(UsageError, match="is the table of captions: name another file"):
        export_charges(rig.config(), rig.workspace.table, rig.said.append)
    assert rig.outcomes() == {"captioned": 1}
