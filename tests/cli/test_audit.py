from __future__ import annotations

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_by_kind_with_examples_and_the_exit_code(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    shown = openai("audit")
    assert (shown.code, shown.out) == (0, "2 captions, nothing remarkable\n")
    openai.options += ("--set", "audit.trigger_word=ohwx")
    shown = openai("audit")
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0] == "        2  the trigger word is missing (trigger): set prompt.prefix"
    assert lines[1].startswith("           a.png: echo ")
    assert lines[1].endswith("[no 'ohwx']")
    assert lines[3] == "2 captions, 2 of them with findings"
    failed = openai("audit", "--fail", "loop,trigger")
    assert failed.code == 11
    more = "more: captionmill help outcomes"
    assert failed.err == f"captionmill: the audit has findings: trigger\n{more}\n"
    assert openai("audit", "--fail", "loop").code == 0


def test_json(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    rig.run()
    openai.options += ("--set", "audit.trigger_word=ohwx")
    report = openai("audit", "--json").json
    assert (report["captions"], report["captions_with_findings"]) == (1, 1)
    (findings,) = report["findings"]
    assert (findings["kind"], findings["captions"]) == ("trigger", 1)
    assert findings["examples"][0]["path"] == "a.png"


def test_a_finding_that_does_not_exist(openai: Terminal, rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    shown = openai("audit", "--set", 'audit.off=["lop"]')
    assert shown.code == 2
    assert "'lop' is no finding of an audit" in shown.err
