"""Groups that were left open; how they are read is played in tests/scenarios/test_background.py."""

from __future__ import annotations

import pytest

from pipeline.stages.online.background import awaited_groups
from pipeline.stages.online.journal import journal_path
from pipeline.stages.online.settle import begin, close_left_open, open_journal
from tests.stages.online.test_settle import Scene, sealed


@pytest.mark.parametrize("torn", [b"", b"@0123456789abcdef cm-b resp"])
def test_a_group_whose_responses_are_to_be_read_stays_open(scene: Scene, torn: bytes) -> None:
    shard = sealed(scene)
    begin(scene.context, shard)
    journal = open_journal(scene.context, shard)
    journal.about_to_send(["cm-a", "cm-b"])
    journal.accepted("cm-a", "resp_a")
    journal.close()
    path = journal_path(scene.context.workspace.raw, shard.shard_key)
    with path.open("ab") as handle:
        handle.write(torn)
    close_left_open(scene.context)
    (group,) = awaited_groups(scene.context)
    group.journal.close()
    assert group.pending == {"cm-a": "resp_a"}
    assert path.read_bytes().endswith(b" cm-a resp_a\n")
