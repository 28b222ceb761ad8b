from __future__ import annotations

from pipeline.server.faults import RequestFault
from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_orphans_go_and_are_counted(slow_rig: Rig, slow_openai: Terminal) -> None:
    rig = slow_rig
    rig.add("a.png")
    slow_openai("submit", rig.data)
    (rig.workspace.shards / "000099-dead.jsonl").write_text("{}\n")
    shown = slow_openai("clean")
    assert (shown.code, shown.out) == (0, "removed 0 files at the service, 1 here\n")
    assert len(list(rig.workspace.shards.glob("*.jsonl"))) == 1  # of the batch under way
    assert slow_openai("clean").out == "removed 0 files at the service, 0 here\n"


def test_what_the_service_did_not_delete_is_told_and_is_no_success(
    slow_rig: Rig, slow_openai: Terminal
) -> None:
    rig = slow_rig
    rig.add("a.png")
    slow_openai("submit", rig.data)
    rig.pass_time(4000)
    rig.server.faults.add(RequestFault(action="status", method="DELETE", status=400, times=2))
    slow_openai("collect")
    shown = slow_openai("clean")
    assert shown.code == 9
    assert "a file at the service is not deleted yet" in shown.err
    rig.server.faults.clear()
    assert slow_openai("clean").code == 0
