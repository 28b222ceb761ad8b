from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_collect_fetches_what_is_finished(slow_rig: Rig, slow_openai: Terminal) -> None:
    slow_rig.add("a.png", "b.png")
    slow_openai("submit", slow_rig.data)
    early = slow_openai("collect")
    assert early.code == 3
    assert "1 batch under way" in early.out
    slow_rig.pass_time(4000)
    shown = slow_openai("collect", "--json")
    assert (shown.code, shown.json["outcomes"]) == (0, {"captioned": 2})
    assert slow_rig.outcomes() == {"captioned": 2}
    slow_rig.check()


def test_with_nothing_under_way_it_asks_for_no_answer(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    before = rig.posts(None)
    assert openai("collect").code == 0
    assert rig.posts(None) == before


def test_files_are_named_with_from(openai: Terminal) -> None:
    shown = openai("collect", "out.jsonl")
    assert shown.code == 2
    assert "captionmill collect --from out.jsonl" in shown.err


def test_no_file_is_left_out_when_from_is_repeated(
    rig: Rig, openai: Terminal, tmp_path: Path
) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text('{"custom_id": "theirs", "response": null}\n')
    shown = openai("collect", "--from", tmp_path / "a", "--from", tmp_path / "b", tmp_path / "c")
    assert all(f"{tmp_path / name}: 1 line" in shown.err + shown.out for name in ("a", "b", "c"))


def test_it_makes_no_workspace_where_nothing_was_captioned(rig: Rig, openai: Terminal) -> None:
    shown = openai("collect")
    assert (shown.code, shown.out) == (2, "")
    assert "caption something first" in shown.err
    assert not rig.workspace.root.exists()
