from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from pipeline.cli.app import run_command_line as run
from tests.rig import Rig


@pytest.fixture
def arguments(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    rig.add(*(f"{n}.png" for n in range(9)))
    monkeypatch.setenv("OPENAI_BASE_URL", rig.server.base_url)
    page = str(tmp_path / "pilot.html")
    return ["pilot", str(rig.data), "--workspace", str(rig.workspace.root), "--page", page]


def commands(out: str) -> list[list[str]]:
    return [shlex.split(line.split("go on", 1)[1]) for line in out.splitlines() if "go on" in line]


def test_figures_a_page_and_the_command_that_goes_on(
    rig: Rig, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["-n", "4", "--prompt", "What's this?", "--set", "images.quality=80", "--yes"]
    assert run([*arguments, *more]) == 0
    out = capsys.readouterr().out
    assert "captioned 4" in out
    assert "for 1,000 images" in out
    assert "<table" in Path(arguments[-1]).read_text()
    (command,) = commands(out)
    assert command[:3] == ["captionmill", "run", str(rig.data)]
    assert command[command.index("--prompt") + 1] == "What's this?"
    assert not {"-n", "--count", "--page", "--yes"} & set(command)
    quick = ["--set", "batch.poll_seconds=1", "--yes"]
    assert run([*command[1:], *quick]) == 0
    assert len(rig.server.bill.rows()) == 9  # four of them by the pilot


def test_prompts_and_models_side_by_side(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"Prompt {name}")
    files = [w for name in ("a", "b") for w in ("--prompt-file", str(tmp_path / f"{name}.txt"))]
    models = ["--models", "gpt-6-luna, gpt-5.4-mini"]
    assert run([*arguments, *files, *models, "--usd", "0.10"]) == 0
    found = commands(capsys.readouterr().out)
    assert [command[-3:] for command in found] == [
        [model, "--prompt-file", str(tmp_path / f"{name}.txt")]
        for model in ("gpt-6-luna", "gpt-5.4-mini")
        for name in ("a", "b")
    ]


def test_a_model_without_answers_has_no_figures_and_no_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The server does not have the second one."""
    assert run([*arguments, "--models", "gpt-6-luna,gpt-6.1-terra", "--usd", "0.10"]) == 5
    out = capsys.readouterr().out
    assert [command[-1] for command in commands(out)] == ["gpt-6-luna"]
    behind = out.partition("\ngpt-6.1-terra\n")[2].splitlines()
    assert behind[1] == "  tokens    no answer names any, so that no price is known"
    assert "unknown" not in out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--usd", "much"], "--usd much"),
        (["--prompt-file", "none.txt"], "none.txt cannot be read"),
        (["-n", "0"], "0"),
    ],
)
def test_bad_options(
    arguments: list[str], more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, *more]) == 2
    assert words in capsys.readouterr().err
