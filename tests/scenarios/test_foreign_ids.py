"""Ids of a service are untrusted: whatever they are, what is paid for arrives and is paid once."""

from __future__ import annotations

import pytest

from pipeline.commands.rebuild import rebuild
from pipeline.commands.verify import verify
from pipeline.server.faults import Compat
from tests.rig import Rig


@pytest.mark.parametrize(
    "written",
    [
        *("batches/{id}", "online-{n}00000-deadbeef", "file-{id}", "~{id}", "{id}:x.y"),
        *(
            f"{{id}}{'x' * 400}",
            "{id}%2F..",
            "{id} \u00e9?#&",
            "{id}\0x",
            "../{id}",
            "{id}/../../etc",
        ),
    ],
)
def test_batches_under_odd_ids_arrive(rig: Rig, written: str) -> None:
    rig.server.faults.compat = Compat(batch_ids=written, file_ids=written.replace("file-", "f"))
    rig.add("a.png", "b.png")
    assert rig.run().outcomes == {"captioned": 2}
    rig.check()
    assert rig.run().requests == 0
    assert verify(rig.config()).findings == ()
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()
    rebuild(rig.config(), rig.said.append)
    report = rig.run()
    assert (report.requests, report.outcomes) == (0, {"captioned": 2})
    assert not rig.server.bill.billed_again()
