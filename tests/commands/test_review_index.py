from __future__ import annotations

import pytest

from pipeline.commands.review_index import open_review_index
from pipeline.errors import UsageError
from pipeline.system.workspace import Workspace
from tests.rig import Rig


def test_it_is_up_to_date_and_follows_the_configured_rules(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with open_review_index(rig.config(audit__trigger_word="ohwx")) as opened:
        assert opened.library.filters.findings() == [("trigger", 1, "the trigger word is missing")]
        assert opened.index.refresh() == 0


def test_where_nothing_can_be_written_it_is_read_all_the_same(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    rig.run()
    before = sorted(rig.workspace.root.rglob("*"))
    monkeypatch.setattr(Workspace, "writable", lambda _: False)
    with open_review_index(rig.config(audit__trigger_word="ohwx")) as opened:
        assert [name for name, *_ in opened.library.filters.findings()] == ["trigger"]
    assert sorted(rig.workspace.root.rglob("*")) == before


def test_there_must_be_a_workspace(rig: Rig) -> None:
    with pytest.raises(UsageError, match="no workspace"), open_review_index(rig.config()):
        pass
