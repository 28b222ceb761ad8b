import pytest

from pipeline.commands.export import export_table
from pipeline.commands.status import status
from pipeline.errors import UsageError
from tests.rig import Rig


def test_a_workspace_at_a_glance_while_another_works_in_it(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.run(wait=False)
    with rig.workspace.lock():
        found = status(rig.config())
    assert (found.images, found.outcomes, found.provider) == (2, {"pending": 2}, "openai:default")
    ((batch, shard),) = found.batches
    assert batch.status in ("validating", "in_progress")
    assert shard.requests == 2
    assert (found.settled, found.reserved > 0, found.waiting) == (0, True, [])
    assert found.money.startswith("$0.00 spent, ")


def test_there_must_be_a_workspace(rig: Rig) -> None:
    for look in (status, lambda config: export_table(config, rig.said.append)):
        with pytest.raises(UsageError, match="no workspace"):
            look(rig.config())
    assert not rig.workspace.root.exists()


def test_a_workspace_that_has_lost_its_ledger_is_told_to_rebuild_it(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()
    with pytest.raises(UsageError, match=r"'captionmill rebuild .*' so that nothing is paid for"):
        status(rig.config())
