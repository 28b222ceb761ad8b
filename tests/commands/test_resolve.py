"""The command resolve."""

from typing import Any, cast

import pytest

from pipeline.commands.resolve import _reconcile_doubts, resolve
from pipeline.commands.status import status
from pipeline.core.lifecycle import FROZEN, TWIN
from pipeline.errors import CaptionmillError, NeedsPerson, ServiceError
from pipeline.ledger import Ledger
from pipeline.server.faults import BatchFault, RequestFault
from tests.killing import killed_at
from tests.rig import Rig


def test_a_person_thaws_what_a_dear_line_froze(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    assert resolve(rig.config(), "unfreeze", rig.said.append) == ["there was nothing to resolve"]
    with rig.workspace.lock(), Ledger(rig.workspace.ledger) as ledger:
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


def test_a_batch_that_has_come_back_is_collected_and_not_written_off(rig: Rig) -> None:
    rig.add("a.png")
    gone = RequestFault(action="status", method="GET", path="/v1/batches/*", status=404)
    rig.server.faults.add(gone)
    assert rig.run().exit_code == 5
    rig.server.faults.clear()
    assert resolve(rig.config(), "write-off", rig.said.append) == ["there was nothing to resolve"]
    assert (rig.run().outcomes, rig.posts()) == ({"captioned": 1}, 1)
    rig.check()


@pytest.mark.parametrize(("status", "failure"), [(500, ServiceError), (401, NeedsPerson)])
def test_nothing_is_written_off_without_a_last_look(
    rig: Rig, status: int, failure: type[CaptionmillError]
) -> None:
    rig.add("a.png")
    gone = RequestFault(action="status", method="GET", path="/v1/batches/*", status=404)
    rig.server.faults.add(gone)
    assert rig.run().exit_code == 5
    rig.server.faults.clear()
    rig.server.faults.add(gone.model_copy(update={"status": status}))
    with pytest.raises(failure):
        resolve(rig.config(), "write-off", rig.said.append)
    rig.server.faults.clear()
    assert (rig.run().outcomes, rig.posts()) == ({"captioned": 1}, 1)
    rig.check()


def test_a_batch_that_is_in_the_list_is_not_created_again(rig: Rig) -> None:
    rig.add("a.png")
    with killed_at("submit.after_create"):
        rig.run()
    done = resolve(rig.config(), "create-again", rig.said.append)
    assert done == ["there was nothing to resolve"]
    assert (rig.run().outcomes, rig.posts()) == ({"captioned": 1}, 1)
    rig.check()


class Doubts:
    """Shards of a ledger, so many of which are in doubt."""

    def __init__(self, count: int) -> None:
        self.count, self.shards = count, self

    def in_states(self, *_states: str) -> range:
        return range(self.count)


def reconciled(doubts: int, error: CaptionmillError) -> int:
    """Calls of the service's list."""
    calls = 0

    def reconcile() -> None:
        nonlocal calls
        calls += 1
        raise error

    _reconcile_doubts(cast(Any, Doubts(doubts)), reconcile)
    return calls


def test_a_decision_about_create_calls_waits_for_a_list_that_is_not_there() -> None:
    with pytest.raises(ServiceError):
        reconciled(1, ServiceError("no answer"))
    assert reconciled(1, NeedsPerson("a person decides")) == 1
    assert reconciled(0, ServiceError("no answer")) == 0


def test_a_new_identity_ends_the_doubt_about_a_twin(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with rig.workspace.lock(), Ledger(rig.workspace.ledger) as ledger:
        ledger.put(TWIN, "another copy is at work")
    assert rig.run().exit_code == 5
    (done,) = resolve(rig.config(), "new-identity", rig.said.append)
    assert done.startswith("this copy is a workspace of its own")
    assert rig.run().exit_code == 0
