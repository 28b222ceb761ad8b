from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.system.failpoints import arm, reached

ROOT = Path(__file__).parents[2]
PROGRAM = """
from pipeline.system.failpoints import arm_from_environment, reached
arm_from_environment()
for visit in range(1, 4):
    print(visit, flush=True)
    reached("a.place")
    reached("another.place")
"""


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(None)


def run(spec: str | None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "CAPTIONMILL_FAILPOINT"}
    if spec is not None:
        environment["CAPTIONMILL_FAILPOINT"] = spec
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("spec", [None, "", "no.such.place", "a.place:4"])
def test_an_unarmed_place_does_nothing(spec: str | None) -> None:
    done = run(spec)
    assert (done.returncode, done.stdout.split()) == (0, ["1", "2", "3"])


@pytest.mark.parametrize(
    ("spec", "visits"), [("a.place", 1), ("a.place:1", 1), ("another.place:2", 2), ("a.place:3", 3)]
)
def test_an_armed_process_dies_as_by_kill_9(spec: str, visits: int) -> None:
    done = run(spec)
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.split()) == visits
    assert done.stderr == ""


def test_a_hook_sees_every_name_until_it_is_taken_away() -> None:
    seen: list[str] = []
    reached("before")
    arm(seen.append)
    reached("one.place")
    reached("two.place")
    arm(None)
    reached("after")
    assert seen == ["one.place", "two.place"]


def test_a_hook_may_fail_the_step() -> None:
    def fail(name: str) -> None:
        raise OSError(5, name)

    arm(fail)
    with pytest.raises(OSError, match=r"a\.place"):
        reached("a.place")


def test_every_place_has_a_name_of_its_own() -> None:
    names = [
        ast.unparse(node.args[0])
        for path in sorted(ROOT.joinpath("pipeline").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "reached"
    ]
    assert len(names) > 10
    assert len(names) == len(set(names))
    assert [name for name in names if not re.match(r"f?'[a-z]+\.[a-z_]+", name)] == []
