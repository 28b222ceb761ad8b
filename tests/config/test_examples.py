"""The examples for cron and systemd say what captionmill, cron and systemd understand."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.cli.app import cli
from pipeline.config import Config, load_config
from pipeline.errors import Busy, OverBudget

EXAMPLES = Path(__file__).parents[2] / "configs" / "examples"
FIELD = r"(?:\*|\d+)(?:/\d+)?"
CRON = re.compile(rf"(?P<when>{FIELD} {FIELD} {FIELD} {FIELD} {FIELD})  +(?P<command>\S.*)")


def crontab() -> list[tuple[str, list[str]]]:
    """(when, arguments of captionmill) of each line."""
    found = []
    for line in (EXAMPLES / "crontab").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        match = CRON.fullmatch(line)
        assert match, line
        assert "%" not in match["command"], "cron takes it for a line break"
        place, command = match["command"].split(" && ")
        assert shlex.split(place)[0] == "cd"
        program, *arguments = shlex.split(command.removesuffix(" >/dev/null 2>&1"))
        assert program == ".venv/bin/captionmill"
        found.append((match["when"], arguments))
    return found


def blocks(language: str) -> list[str]:
    """Code blocks of the configurations' README in a language."""
    text = (EXAMPLES.parent / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string((EXAMPLES / name).read_text())
    return parser


def check_command(arguments: list[str]) -> Config:
    """click takes the line, and the configuration takes its options."""
    name, *rest = arguments
    command = cli.get_command(cli.make_context("captionmill", [name]), name)
    assert command is not None
    context = command.make_context(name, rest)
    given = dict(setting.split("=", 1) for setting in context.params["settings"])
    config = load_config(context.params["config_name"], given)
    assert config.provider.name == "openai"
    return config


def test_the_crontab() -> None:
    lines = crontab()
    assert [arguments[0] for _, arguments in lines] == ["run", "collect"]
    assert "--no-wait" in lines[0][1]
    assert "--yes" in lines[0][1]
    for when, arguments in lines:
        assert check_command(arguments).provider.key_file == "/etc/captionmill/key"
        ranges = zip(when.split(), (60, 24, 32, 13, 8), strict=True)
        for text, most in ranges:
            assert all(int(number) < most for number in re.findall(r"\d+", text))


def test_the_service() -> None:
    service = unit("captionmill.service")["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program == service["WorkingDirectory"] + "/.venv/bin/captionmill"
    assert service["Type"] == "oneshot"
    assert check_command(arguments).provider.key_file == "/etc/captionmill/key"
    codes = [int(code) for code in service["SuccessExitStatus"].split()]
    assert codes == [3, OverBudget.exit_code, Busy.exit_code]
    workspace = load_config("nightly").workspace
    written = Path(service["ReadWritePaths"])
    assert written in (Path(service["WorkingDirectory"]) / workspace).parents


def test_the_timer() -> None:
    timer = unit("captionmill.timer")
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert timer["Timer"]["Persistent"] == "true"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for name in ("captionmill.service", "captionmill.timer"):
        text = (EXAMPLES / name).read_text()
        # the program and the user of the example are not on this machine
        text = text.replace("/srv/captionmill/.venv/bin/captionmill", "/bin/true")
        (tmp_path / name).write_text(text.replace("User=captions", "User=root"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "captionmill" in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_readmes_crontab() -> None:
    (block,) = blocks("crontab")
    (line,) = block.splitlines()
    match = re.fullmatch(rf"(?:{FIELD} ){{5}}cd \S+ && \.venv/bin/captionmill (?P<rest>.*)", line)
    assert match
    check_command(shlex.split(match["rest"]))


def test_the_readmes_units() -> None:
    (block,) = blocks("ini")
    service, timer = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    first, second = block.split("# /etc/systemd/system/captionmill.timer\n")
    service.read_string(first)
    timer.read_string(second)
    program, *arguments = shlex.split(service["Service"]["execstart"])
    assert program.endswith("/.venv/bin/captionmill")
    check_command(arguments)
    assert service["Service"]["successexitstatus"] == "3 4"
    assert set(timer.sections()) == {"Timer", "Install"}


def test_the_readmes_notice(tmp_path: Path) -> None:
    (block,) = [text for text in blocks("toml") if text.startswith("[notify]")]
    (tmp_path / "a.toml").write_text(block)
    assert load_config(str(tmp_path / "a.toml")).notify.command[0] == "mail"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_service_locks_itself_down() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(EXAMPLES / "captionmill.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    score = re.search(r"Overall exposure level for captionmill.service: ([0-9.]+)", done.stdout)
    assert score is not None, done.stderr
    assert Decimal(score[1]) < 3
