"""What a worker may use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.engines import Limits


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a process of its own, whose limits may be changed."""
    start = "from pipeline.engines.limits import *\nimport resource, time\n"
    return subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, timeout=60
    )


def test_limits_are_imposed() -> None:
    done = run(
        "impose(Limits(memory_bytes=1 << 30, file_bytes=77))\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0],"
        " resource.getrlimit(resource.RLIMIT_FSIZE)[0],"
        " resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    assert done.stdout.split() == [str(1 << 30), "77", "0"]


def test_lower_hard_limits_stay() -> None:
    done = run(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))\n"
        "impose(Limits())\nprint(resource.getrlimit(resource.RLIMIT_FSIZE))"
    )
    assert done.stdout.strip() == "(50, 50)"


def test_systems_without_such_limits_work_too() -> None:
    done = run(
        "def refuse(*_): raise ValueError('current limit exceeds maximum limit')\n"
        "resource.setrlimit = refuse\nimpose(Limits())\nprint('fine')"
    )
    assert done.stdout == "fine\n", done.stderr


def test_the_alarm_needs_no_parent() -> None:
    done = run(
        "import pipeline.engines.limits as limits\nlimits._GRACE = 0\n"
        "start_alarm(Limits(seconds=1.0))\ntime.sleep(30)"
    )
    assert done.returncode == -14
    done = run("start_alarm(Limits(seconds=1.0))\nstop_alarm()\nprint('fine')")
    assert done.stdout == "fine\n"


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0.0}, {"seconds": -1.0}, {"memory_bytes": 5}, {"file_bytes": -1}]
)
def test_impossible_limits(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Limits(**wrong)  # type: ignore[arg-type]
