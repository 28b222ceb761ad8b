"""configs/nightly.toml as it is shipped, called as the crontab calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.app import run_command_line as run
from tests.rig import Rig

ROOT = Path(__file__).parents[2]


@dataclass
class Cron:
    """Calls the command line as cron would: no terminal, everything by options."""

    rig: Rig
    capsys: pytest.CaptureFixture[str]
    said: str = ""

    def call(self, *arguments: str, **changes: object) -> tuple[int, dict[str, Any]]:
        """(exit code, report) of one call."""
        settings = {"provider.base_url": self.rig.server.base_url, **changes}
        command = [*arguments, "--json", "--config", "nightly"]
        command += ["--workspace", str(self.rig.workspace.root)]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        self.capsys.readouterr()
        code = run(command)
        output, self.said = self.capsys.readouterr()
        return code, json.loads(output or "{}")

    def night(self, **changes: object) -> tuple[int, dict[str, Any]]:
        """The line of the crontab."""
        return self.call("run", str(self.rig.data), "--no-wait", "--yes", **changes)


@pytest.fixture
def cron(slow_rig: Rig, capsys: pytest.CaptureFixture[str]) -> Cron:
    return Cron(slow_rig, capsys)


def test_a_night_submits_the_next_call_collects_and_all_after_do_nothing(cron: Cron) -> None:
    rig = cron.rig
    rig.add("a.png", "b.png", "c.png")
    code, report = cron.night()
    assert (code, report["requests"], report["open_batches"]) == (3, 3, 1)
    code, report = cron.night()  # a few minutes later: nothing to do but wait
    assert (code, report["requests"], report["open_batches"]) == (3, 0, 1)
    rig.pass_time(4000)
    code, report = cron.call("collect")
    assert (code, report["outcomes"]) == (0, {"captioned": 3})
    posts = rig.posts(None)
    code, report = cron.night()
    assert (code, report["requests"]) == (0, 0)
    assert rig.posts(None) == posts
    rig.add("d.png", first=9)
    assert cron.night()[0] == 3
    rig.pass_time(4000)
    code, report = cron.night()  # collects by itself
    assert (code, report["outcomes"]) == (0, {"captioned": 4})
    assert json.loads(rig.workspace.last_run.read_bytes()) == report
    rig.check()


def test_the_days_cap_leaves_the_rest_for_the_next_night(cron: Cron) -> None:
    rig = cron.rig
    rig.add(*(f"{n}.png" for n in range(4)))
    code, report = cron.night(**{"budget.day": '"0.00015"'})
    assert code == 4
    assert 0 < report["requests"] < 4
    rig.pass_time(4000)
    assert cron.night()[0] == 3
    rig.pass_time(4000)
    code, report = cron.night()
    assert (code, report["outcomes"]) == (0, {"captioned": 4})
    rig.check()


def test_two_calls_at_once_are_one_and_a_busy_one(cron: Cron) -> None:
    cron.rig.add("a.png")
    cron.night()
    with cron.rig.workspace.lock():
        assert cron.night() == (75, {})
    assert "another captionmill is at work" in cron.said


def test_without_a_key_a_process_says_so_and_captions_nothing(rig: Rig) -> None:
    rig.add("a.png")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "run", str(rig.data), "--no-wait",
         "--config", "nightly", "--workspace", str(rig.workspace.root)],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "no API key: set OPENAI_API_KEY" in done.stderr
    assert not rig.workspace.root.exists()


@pytest.mark.parametrize("where", ["crontab", "captionmill.service"])
def test_the_examples_use_this_configuration(where: str) -> None:
    assert "--config nightly" in (ROOT / "configs" / "examples" / where).read_text()
