from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from pipeline.server.__main__ import server_command


def test_help_names_every_option() -> None:
    result = CliRunner().invoke(server_command, ["--help"])
    assert result.exit_code == 0
    for option in ("--state", "--port", "--captioner", "--faults", "--exit-with-parent"):
        assert option in result.output


def test_a_bad_plan_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[batch]\n")
    result = CliRunner().invoke(
        server_command,
        ["--state", str(tmp_path / "s"), "--captioner", "echo", "--faults", str(plan)],
    )
    assert result.exit_code == 2
    assert "plan.toml: batch" in result.output
    assert "Traceback" not in result.output


def test_an_unknown_captioner_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(server_command, ["--state", str(tmp_path), "--captioner", "parrot"])
    assert result.exit_code == 2
