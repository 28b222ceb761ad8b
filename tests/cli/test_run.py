from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.server.faults import LineFault
from pipeline.session import places
from tests.cli.conftest import Terminal
from tests.rig import Rig, picture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def imgs(tmp_path: Path) -> Path:
    """A folder with one file in it, which is no image."""
    folder = tmp_path / "imgs"
    folder.mkdir()
    (folder / "broken.jpg").write_text("no image")
    return folder


def test_a_run_shows_the_report_and_nothing_else_on_standard_output(
    rig: Rig, openai: Terminal
) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "broken.jpg").write_text("no image")
    shown = openai("run", rig.data)
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0] == "images               3"
    assert lines[1] == "  captioned          2"
    assert lines[2] == "  rejected           1   not_an_image 1"
    assert lines[3] == "requests             2   in 1 batch, this run"
    assert lines[-5].startswith("table       ")
    assert {line.split()[0] for line in lines[-4:-2]} == {"a.png", "b.png"}
    assert lines[-2] == f"look at them: captionmill review --workspace {rig.workspace.root}"
    assert shown.err.splitlines()[:3] == [
        f"new workspace {rig.workspace.root}",
        f"OpenAI batch captions by gpt-6-luna at {urlsplit(rig.server.base_url).netloc}",
        "3 images, 3 of them new or changed",
    ]
    assert rig.outcomes() == {"captioned": 2, "rejected": 1}
    rig.check()


def test_caption_is_another_word_for_it(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    assert openai("caption", rig.data).code == 0
    assert rig.outcomes() == {"captioned": 1}


def test_the_second_time_there_is_nothing_to_do(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    shown = openai("run", rig.data)
    assert shown.code == 0
    assert "requests             0   nothing new was sent" in shown.out
    assert rig.posts() == 1


def test_json_for_programs(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    shown = openai("run", rig.data, "--json")
    assert shown.json["outcomes"] == {"captioned": 1}
    assert shown.json["exit_code"] == shown.code == 0
    assert shown.json["settled_nano_usd"] == rig.server.bill.total_nano()


def test_a_manifest_with_columns_in_the_prompt(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    (rig.data / "m.csv").write_text("path,title\na.png,Cat\na.png,Dog\n")
    shown = openai("run", "--manifest", rig.data / "m.csv", "--prompt", "This is {title}.")
    assert shown.code == 0
    assert [row["title"] for row in rig.table()] == ["Cat", "Dog"]
    assert rig.outcomes() == {"captioned": 2}


def test_without_waiting_it_is_pending(slow_rig: Rig, slow_openai: Terminal) -> None:
    slow_rig.add("a.png", "b.png")
    shown = slow_openai("run", slow_rig.data, "--no-wait")
    assert shown.code == 3
    assert "  pending            2" in shown.out
    assert "1 batch under way at the service: run again, or 'captionmill collect'" in shown.out
    assert "to fetch its answers" in shown.out
    slow_rig.pass_time(4000)
    assert slow_openai("run", slow_rig.data, "--no-wait").code == 0


def test_above_the_amount_nothing_is_sent_without_a_yes(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    dear = ("--set", "budget.confirm_above=0")
    shown = openai("run", rig.data, *dear)
    assert shown.code == 5
    assert "not confirmed: 1 request, about $" in shown.err
    assert shown.err.endswith("\nmore: captionmill help budget\n")
    assert shown.err.count("1 request, about $") == 1
    assert "Confirm with --yes" in shown.err
    assert rig.posts(None) == 0
    agreed = openai("run", rig.data, *dear, "--yes")
    assert (agreed.code, agreed.err.count("1 request, about $")) == (0, 1)


def test_a_budget_leaves_the_rest_and_says_so(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png", "b.png")
    shown = openai("run", rig.data, "--budget", "0.00001")
    assert shown.code == 4
    assert "  pending            2" in shown.out
    assert "! " in shown.out
    assert "budget" in shown.out
    assert rig.posts() == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ((), "name a folder of images, or a table of them with --manifest"),
        (("nowhere",), "nowhere does not exist"),
        (("imgs", "--manifest", "m.csv"), "m.csv does not exist"),
        (("--manifest", "nowhere.csv"), "nowhere.csv"),
        (("imgs", "--config", "nightly"), "no API key: set OPENAI_API_KEY"),
        (("imgs", "--provider", "openai"), "no API key: set OPENAI_API_KEY"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_made(
    captionmill: Terminal, imgs: Path, line: tuple[str, ...], message: str
) -> None:
    shown = captionmill("run", *line)
    assert (shown.code, shown.out) == (2, "")
    assert message in shown.err
    assert list(imgs.parent.iterdir()) == [imgs]


@pytest.mark.parametrize("key", ["sk-bad\x1b[2J", "sk bad", "sk-käse"])
def test_a_key_that_cannot_be_one_is_never_shown(
    captionmill: Terminal, imgs: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    shown = captionmill("run", imgs)
    assert shown.code == 2
    assert "OPENAI_API_KEY" in shown.err
    assert "bad" not in shown.err
    assert "käse" not in shown.err


def test_a_refused_key_needs_a_person(
    rig: Rig, openai: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789abcdef")
    shown = openai("run", rig.data, "--no-wait")
    assert shown.code == 5
    assert "0123456789abcdef" not in shown.out + shown.err


def test_a_service_that_is_not_there(
    rig: Rig, openai: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    shown = openai("run", rig.data, "--no-wait")
    assert shown.code == 9
    assert "  pending            1" in shown.out


def test_a_workspace_in_use_is_busy(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    rig.workspace.create()
    with rig.workspace.lock():
        shown = openai("run", rig.data)
    assert shown.code == 75
    assert "another captionmill is at work" in shown.err


def test_names_and_captions_cannot_steer_the_terminal(rig: Rig, openai: Terminal) -> None:
    evil = "\x1b]0;owned\x07\u202e.png"
    picture(rig.data / evil, 1)
    rig.server.faults.add(LineFault(outcome="control_characters"))
    (rig.data / "sub\x1b[2J").mkdir()
    (rig.data / "sub\x1b[2J" / "x.jpg").write_text("no image")
    (rig.data / "odd.\x1b[31m").write_text("x")
    shown = openai("run", rig.data)
    assert shown.code == 0
    assert "\x1b" not in shown.out + shown.err
    assert "\u202e" not in shown.out + shown.err
    assert {row["path"] for row in rig.table()} == {evil, "sub\x1b[2J/x.jpg"}


def test_names_that_are_no_text_are_captioned_too(rig: Rig, openai: Terminal) -> None:
    name = os.fsdecode(b"\xff\xfe caf\xe9.png")
    picture(rig.data / "a.png", 1).rename(rig.data / name)
    shown = openai("run", rig.data)
    assert shown.code == 0
    shown.out.encode()
    assert rig.outcomes() == {"captioned": 1}


def test_the_local_model_says_who_it_is(captionmill: Terminal, imgs: Path) -> None:
    assert imgs.is_dir()
    shown = captionmill("run", "imgs")
    assert shown.code == 10  # its one file is no image
    first, second = shown.err.splitlines()[:2]
    assert first.startswith("new workspace ")
    assert first.endswith("/user/captionmill/local")
    assert second.startswith("LOCAL MODEL (no OPENAI_API_KEY: a small built-in model")
    assert "Set OPENAI_API_KEY for real captions." in second
    assert "table       user/captionmill/local/captions.parquet" in shown.out
    chosen = captionmill("run", "imgs", "--provider", "local")
    assert "OPENAI_API_KEY" not in chosen.err.splitlines()[0]


def test_the_session_in_the_readme_is_what_a_run_says(
    captionmill: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    shutil.copytree(ROOT / "data" / "samples", tmp_path / "data" / "samples")
    shown = captionmill("run", "data/samples")
    readme = (ROOT / "README.md").read_text()
    session = readme.partition("$ make caption\n")[2].partition("```")[0]
    said = f"{shown.err}{shown.out}"
    varies = ("time", "tokens")  # by machine, and by the captions' last digits

    def steady(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith(varies)]

    assert steady(session) == steady(said)


def test_several_places_are_one_run(rig: Rig, openai: Terminal) -> None:
    picture(rig.data / "one" / "a.png", 1)
    picture(rig.data / "two" / "b.png", 2)
    (rig.data / "m.csv").write_text("path\ntwo/b.png\n")
    shown = openai("run", rig.data / "one", f"{rig.data}/t*", "--manifest", rig.data / "m.csv")
    assert shown.code == 0
    assert "  m.csv  duplicate 1\n" in shown.out
    assert "requests             2   in 1 batch, this run\n" in shown.out
