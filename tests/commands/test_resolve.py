"""The command resolve."""

from pipeline.commands.resolve import resolve
from pipeline.commands.status import status
from pipeline.core.lifecycle import FROZEN
from pipeline.server.faults import BatchFault
from tests.rig import Rig


def test_a_person_thaws_what_a_dear_line_froze(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    assert resolve(rig.config(), "unfreeze", rig.said.append) == ["there was nothing to resolve"]
    with rig.workspace.lock():
        from pipeline.ledger import Ledger

        with Ledger(rig.workspace.ledger) as ledger:
            ledger.put(FROZEN, "a line cost more than was reserved")
    rig.add("b.png", first=7)
    assert rig.run().exit_code == 5
    assert status(rig.config()).frozen
    assert resolve(rig.config(), "unfreeze", rig.said.append) == ["submission is possible again"]
    assert rig.run().exit_code == 0


def test_incidents_are_put_away_once_they_are_known(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.server.faults.add(BatchFault(alien=1))
    rig.run()
    assert status(rig.config()).incidents
    assert resolve(rig.config(), "seen", rig.said.append) == ["1 incident put away"]
    assert status(rig.config()).incidents == []
