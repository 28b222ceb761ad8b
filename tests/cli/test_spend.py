from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_a_table_whose_last_line_is_that_of_status(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "again.png").write_bytes((rig.data / "a.png").read_bytes())
    openai("run", rig.data)
    posts = rig.posts(None)
    shown = openai("spend", "--by", "model")
    assert (shown.code, shown.err) == (0, "")
    head, group, total, saved, money = shown.out.splitlines()
    assert head.split()[:3] == ["model", "requests", "expected"]
    assert group.split()[:2] == ["gpt-6-luna", "2"]
    assert total.split()[:2] == ["total", "2"]
    assert group.split()[2:] == total.split()[2:]
    assert saved.endswith(": 1 duplicate not sent")
    assert money in openai("status").out.splitlines()
    assert rig.posts(None) == posts


def test_json_says_dollars_exactly(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    shown = openai("spend", "--by", "run", "--json").json
    (group,) = shown["groups"]
    assert (shown["by"], group["group"]) == ("run", "1")
    assert group["note"].startswith("run 20")
    assert shown["total"]["billed_nano_usd"] == rig.server.bill.total_nano()
    assert shown["total"] == {k: v for k, v in group.items() if k not in ("group", "note")}
    assert shown["reserved_usd"] == "0.00"


def test_files_are_written_beside_the_table(rig: Rig, openai: Terminal, tmp_path: Path) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    out, prom = tmp_path / "s.csv", tmp_path / "s.prom"
    assert openai("spend", "--csv", out, "--openmetrics", prom).code == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbfgroup,note,requests,")
    assert prom.read_text().endswith("# EOF\n")
    refused = openai("spend", "--csv", tmp_path / "none" / "s.csv")
    assert refused.code != 0
    assert "its folder is not there" in refused.err


def test_mistakes_are_said(rig: Rig, openai: Terminal) -> None:
    assert "there is no workspace in" in openai("spend").err
    rig.add("a.png")
    openai("run", rig.data)
    wrong = openai("spend", "--by", "year")
    assert (wrong.code, wrong.out) == (2, "")
    assert "choose day, month, run, model, prompt, folder or column:NAME" in wrong.err
