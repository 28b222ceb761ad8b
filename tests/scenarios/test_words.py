"""What a person reads: each mistake says what is wrong and what to type next."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.cli.app import run_command_line
from pipeline.commands.one import caption
from pipeline.commands.retry import retry
from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.server.faults import LineFault
from pipeline.sinks.sidecars import CaptionBeside, SidecarForm, write_sidecars
from tests.rig import Rig


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a command line."""
    capsys.readouterr()
    code = run_command_line(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_a_bare_call_shows_the_first_steps(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys)
    assert code == 0
    assert "captionmill run photos" in out
    code, out, _ = called(capsys, "--help")
    assert code == 0
    assert "Commands:" in out
    assert "10  nothing due was captioned" in out


def test_a_mistyped_command_is_told_from_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, err = called(capsys, "stauts")
    assert (code, "did you mean status?" in err) == (2, True)
    assert "did you mean" not in called(capsys, "xyzzy")[2]


def test_blanks_of_a_trigger_word_survive(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = called(capsys, "config", "--set", "prompt.prefix=ohwx, ")
    assert 'prefix = "ohwx, "' in out


def test_a_byte_that_is_no_utf_8_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"caf\xe9")
    for arguments in (
        ("run", "data", "--prompt", odd),
        ("status", "--workspace", odd),
        ("config", "--set", f"provider.model={odd}"),
    ):
        code, _, err = called(capsys, *arguments)
        assert (code, "is not UTF-8 text" in err) == (2, True), arguments
        assert "unable to parse" not in err


def test_numbers_from_python_are_exact() -> None:
    config = load_config(None, {"budget.run": 0.1, "prompt.temperature": 0.5, "budget.day": 5})
    assert (config.budget.run, config.budget.day) == (100_000_000, 5 * 10**9)
    assert config.prompt.temperature == 0.5
    with pytest.raises(UsageError, match="the overrides:"):
        load_config(None, {"budget.run": -0.1})


def test_shipped_prompts_and_schemas_are_known_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = Path(__file__).parents[2] / "configs"
    config = load_config(None, {"prompt.user_file": "short", "prompt.schema_file": "tags.json"})
    assert config.prompt.user == (shipped / "prompts" / "short.txt").read_text().strip()
    assert config.prompt.answer_schema == json.loads(
        (shipped / "schemas" / "tags.json").read_text()
    )
    (tmp_path / "short").write_text("mine")
    assert load_config(None, {"prompt.user_file": "short"}).prompt.user == "mine"


def test_what_is_no_configuration_or_image_says_what_is_one(rig: Rig) -> None:
    with pytest.raises(UsageError, match=r"no file 'x\.png'"):
        caption("x.png", "default")
    with pytest.raises(UsageError, match="no configuration named 'defualt'"):
        caption("x.png", "defualt")
    with pytest.raises(UsageError, match="int is no image: give a path"):
        caption(7, rig.config(), say=rig.said.append)  # type: ignore[arg-type]


def test_json_has_dollars_as_text_beside_nano_dollars(rig: Rig) -> None:
    rig.add("a.png")
    report = rig.run()
    figures = report.as_dict()
    assert figures["run_settled_nano_usd"] == report.run_settled
    assert Decimal(str(figures["run_settled_usd"])) * 10**9 == report.run_settled > 0
    assert report.cost == Decimal(str(figures["run_settled_usd"]))


def test_a_path_that_is_not_there_says_from_where_it_was_sought(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = called(capsys, "run", "photos", "--provider", "local")
    assert (code, f"photos does not exist, seen from {tmp_path}" in err) == (2, True)


def test_a_mistake_before_there_is_a_workspace_is_told_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    notice = tmp_path / "notice"
    hook = json.dumps(["sh", "-c", f"cat > {notice}"])
    missing = ("run", str(tmp_path / "photos"), "--provider", "local")
    assert called(capsys, *missing, "--set", f"notify.command={hook}")[0] == 2
    assert json.loads(notice.read_text())["exit_code"] == 2
    assert not (tmp_path / "ws").exists()


def test_a_retry_says_how_many_and_what_they_may_cost(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.server.faults.add(LineFault(outcome="status", status=400, code="bad", message="no"))
    rig.run()
    assert retry(rig.config(), ["failed"], rig.said.append) == 2
    assert "the next run asks for at most $0.00" in rig.said[-1]


def test_a_pipe_beside_an_image_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    os.mkfifo(tmp_path / "a.txt")
    done = write_sidecars([CaptionBeside(tmp_path / "a.png", "a cat")], SidecarForm("replace"))
    assert done.counts == {"failed": 1}
    assert "is no regular file, it is left alone" in done.problems[0]


def test_the_export_names_its_file(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.add("a.png")
    rig.run()
    out = rig.workspace.root / "charges.parquet"
    arguments = ("export", "--provider", "openai", "--workspace", str(rig.workspace.root))
    assert called(capsys, *arguments)[1].endswith("captions.parquet\n")
    assert called(capsys, *arguments, "--charges", str(out))[1].endswith(f"{out}\n")
