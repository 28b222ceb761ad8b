from __future__ import annotations

from collections import deque
from pathlib import Path

from pipeline.stages.online.group import Group
from pipeline.stages.online.journal import Journal


def test_what_is_to_be_sent_and_what_is_to_be_read_is_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "x.journal")
    journal.close()
    group = Group(1, journal, deque([("cm-a", {})]), 10, {"cm-b": "resp_b", "cm-c": "resp_c"})
    assert (group.left, group.in_flight) == (3, 0)
