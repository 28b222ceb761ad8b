"""Notices of command lines that are refused before a workspace exists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal

CONFIG = """
[notify]
command = ["sh", "-c", "cat > '{heard}'"]
[provider]
{provider}
"""


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    (tmp_path / "imgs").mkdir()
    return tmp_path / "heard"


def config(heard: Path, provider: str = "") -> Path:
    path = heard.with_name("nightly.toml")
    path.write_text(CONFIG.format(heard=heard, provider=provider))
    return path


@pytest.mark.parametrize(
    ("arguments", "provider", "problem"),
    [
        (("run", "none"), "", "none does not exist"),
        (("run", "imgs"), 'modle = "x"', "did you mean model?"),
        (("run", "imgs"), "[broken", "is not TOML"),
        (("run", "imgs"), 'name = "openai"', "no API key"),
        (("pilot", "imgs"), 'name = "openai"', "no API key"),
        (("run", "imgs", "--detail=x"), "", "it should be 'low'"),
        (("run", "imgs", "--frobnicate"), "", "no such option '--frobnicate'"),
        (("write", "imgs"), "", "missing option '--out'"),
        (("submit", "imgs", "--set", "x"), "", "write KEY=VALUE"),
        (("collect", "a.jsonl"), "", "name files with --from"),
    ],
)
def test_a_night_that_never_began_is_no_silent_one(
    captionmill: Terminal, heard: Path, arguments: tuple[str, ...], provider: str, problem: str
) -> None:
    shown = captionmill(*arguments, f"--config={config(heard, provider)}", "--workspace=ws")
    notice = json.loads(heard.read_text())
    assert (shown.code, notice["exit_code"], notice["command"]) == (2, 2, arguments[0])
    assert problem in notice["problems"][0]
    assert problem in shown.err
    assert not Path("ws").exists()


@pytest.mark.parametrize("arguments", [("status",), ("run", "--help"), ("estimate", "none")])
def test_what_sends_no_notices_sends_none_when_it_is_refused(
    captionmill: Terminal, heard: Path, arguments: tuple[str, ...]
) -> None:
    captionmill(*arguments, "--config", config(heard, 'modle = "x"'))
    assert not heard.exists()


def test_options_of_the_line_count_and_a_notice_that_cannot_be_sent_is_said(
    captionmill: Terminal, heard: Path
) -> None:
    command = json.dumps(["sh", "-c", f"cat > '{heard}'"])
    shown = captionmill("run", "imgs", "--set", f"notify.command={command}", "--detail=x")
    assert (shown.code, json.loads(heard.read_text())["exit_code"]) == (2, 2)
    shown = captionmill("run", "imgs", '--set=notify.command=["/none"]', "--detail=x")
    assert shown.code == 2
    assert "[notify] command /none could not run" in shown.err
