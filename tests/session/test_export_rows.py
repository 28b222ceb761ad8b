from __future__ import annotations

from decimal import Decimal

from pipeline.session.export_rows import TableRows
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from tests.rig import Rig


def test_the_rows_are_those_of_the_table(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    settings = RunSettings.of(rig.config())
    with open_session(settings, "export", rig.said.append, offline=True) as session:
        rows = TableRows(session)
        listed = list(rows())
        fields = rows.fields(None, "text")
    assert [{k: row[k] for k in ("path", "caption", "billed_cost")} for row in listed] == [
        {k: row[k] for k in ("path", "caption", "billed_cost")} for row in rig.table()
    ]
    assert isinstance(listed[0]["billed_cost"], Decimal)
    assert fields["text"] == "caption"
    assert "location" not in fields
