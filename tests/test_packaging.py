"""What a user meets before the program: make, the environment, the locks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ["requirements.txt", "requirements-dev.txt"]
TOOLS = {"editables", "hatchling"}


def project() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
    return found


def normal(requirement: str) -> str:
    """A requirement's name as package indexes compare it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def locked(lock: str) -> dict[str, set[str]]:
    """name -> "==version ; marker" of each entry, every line accounted for."""
    found: dict[str, set[str]] = {}
    entries = re.split(r"\n(?! )", ROOT.joinpath(".ci", lock).read_text().strip())
    for entry in entries:
        head, *hashes = [line.strip().removesuffix("\\").strip() for line in entry.split("\n")]
        assert re.fullmatch(r"[a-z0-9-]+==[^ ]+( ; .+)?", head), head
        assert hashes, head
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), head
        name, version = head.split("==", 1)
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_and_hashes_everything_and_names_no_place(lock: str) -> None:
    assert len(locked(lock)) > 40
    text = ROOT.joinpath(".ci", lock).read_text()
    assert not re.search(r"://|--index|--extra|--find|--trusted| @ |file:", text)


def test_the_development_lock_contains_the_other() -> None:
    runtime, development = locked(LOCKS[0]), locked(LOCKS[1])
    assert {name: development.get(name) for name in runtime} == runtime


def test_the_locks_hold_what_the_project_asks_for() -> None:
    asked = project()
    dependencies = asked["dependencies"]
    extras = asked["optional-dependencies"]
    assert isinstance(dependencies, list)
    assert isinstance(extras, dict)
    assert {normal(d) for d in dependencies} | TOOLS <= set(locked(LOCKS[0]))
    assert {normal(d) for d in extras["dev"]} <= set(locked(LOCKS[1]))
    assert [normal(d) for d in dependencies] == sorted(normal(d) for d in dependencies)


# -- make

STUB = '#!/bin/sh\nfor argument in "$@"; do printf "%s\\n" "$argument"; done\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A Makefile beside an environment whose `captionmill` prints its arguments."""
    folder = tmp_path / "a checkout"
    stub = folder / ".venv" / "bin" / "captionmill"
    stub.parent.mkdir(parents=True)
    stub.write_text(STUB)
    stub.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", ".ci"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    for stamp in (".installed", ".installed-dev"):
        folder.joinpath(".venv", stamp).touch()
    return folder


def make(folder: Path, *arguments: str) -> list[str]:
    kept = ("PATH", "HOME", "LANG")
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env={name: os.environ[name] for name in kept if name in os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["caption"], ["run", "data/samples"]),
        (["caption", "DATA=./imgs"], ["run", "./imgs"]),
        (["caption", "DATA=my photos/at 'home' \"2024\""], ["run", "my photos/at 'home' \"2024\""]),
        (["caption", "MANIFEST=a b.csv"], ["run", "--manifest", "a b.csv"]),
        (
            ["caption", "DATA=x", "CONFIG=my configs/n.toml", "BUDGET=5.00", "ARGS=--yes --json"],
            ["run", "x", "--config", "my configs/n.toml", "--budget", "5.00", "--yes", "--json"],
        ),
        (["estimate", "DATA=a b"], ["estimate", "a b"]),
        (["estimate", "MANIFEST=m.csv"], ["estimate", "--manifest", "m.csv"]),
        (["estimate", "DATA=x", "CONFIG=bulk"], ["estimate", "x", "--config", "bulk"]),
        (["status"], ["status"]),
        (["status", "CONFIG=nightly", "ARGS=--json"], ["status", "--config", "nightly", "--json"]),
        (["setup"], []),
    ],
)
def test_make_passes_its_variables_on(checkout: Path, given: list[str], passed: list[str]) -> None:
    assert make(checkout, *given) == passed


def test_make_lists_its_targets(checkout: Path) -> None:
    shown = [line.split()[1] for line in make(checkout)]
    phony = re.search(r"^\.PHONY: (.*)$", checkout.joinpath("Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert shown == phony[1].split()


def test_clean_leaves_workspaces_alone(checkout: Path) -> None:
    workspace = checkout / "data" / "workspaces" / "local"
    workspace.mkdir(parents=True)
    for folder in ("pipeline", "tests"):
        checkout.joinpath(folder, "__pycache__").mkdir(parents=True)
    workspace.joinpath("ledger.db").touch()
    make(checkout, "clean")
    assert workspace.joinpath("ledger.db").exists()
    assert not checkout.joinpath(".venv").exists()
    assert list(checkout.rglob("__pycache__")) == []


# -- the interpreter

FAKE = """#!/bin/sh
case "$*" in
--version) echo "Python {version}.0" ;;
*" {version}") echo "$0" ;; # .ci/pythons asks whether it is this one
*) exit 1 ;;
esac
"""

# fails on 3.94 always, on 3.95 at the first try
FAKE_MAKE = """#!/bin/sh
printf "[%s]" make "$@"; echo
case "$2 $4" in
VENV=.venv-3.94*) exit 2 ;;
"VENV=.venv-3.95 ") exit 2 ;;
esac
"""


def declared() -> list[str]:
    """The versions among the classifiers, "3.11", in their order."""
    classifiers = project()["classifiers"]
    assert isinstance(classifiers, list)
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", c) for c in classifiers)
    return [match[1] for match in found if match]


def script(checkout: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", *words],
        cwd=checkout,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_declared_pythons_are_the_same_everywhere() -> None:
    minors = [int(version.removeprefix("3.")) for version in declared()]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert project()["requires-python"] == f">=3.{minors[0]},<3.{minors[-1] + 1}"
    *others, newest = declared()
    readme = ROOT.joinpath("README.md").read_text("utf-8")
    assert f"\nPython {', '.join(others)} or {newest} and `make` are all it needs.\n" in readme
    tools = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["tool"]
    assert tools["mypy"]["python_version"] == declared()[0]
    assert tools["ruff"]["target-version"] == declared()[0].replace("3.", "py3")
    assert f"--python-version {declared()[0]} " in ROOT.joinpath(".ci", "lock").read_text()
    lines = script(ROOT, ".ci/pythons").stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == declared()


def test_the_suite_runs_on_a_declared_python() -> None:
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in declared()


def test_a_python_that_is_not_declared_is_refused(checkout: Path) -> None:
    pyproject = checkout / "pyproject.toml"
    pyproject.write_text(re.sub(r":: 3\.", ":: 3.9", pyproject.read_text()))
    for python in ("false", "no such python", sys.executable):
        done = script(checkout, ".ci/setup", ".venv-new", ".ci/requirements.txt", PYTHON=python)
        assert done.returncode == 2
        assert f"needs Python 3.911, 3.912 or 3.913, which {python} is not:" in done.stderr
        assert not checkout.joinpath(".venv-new").exists()


def test_ci_plays_every_declared_python_that_is_here(checkout: Path, tmp_path: Path) -> None:
    programs = tmp_path / "some programs"
    programs.mkdir()
    fakes = {f"python3.9{minor}": FAKE.format(version=f"3.9{minor}") for minor in (1, 3, 4, 5)}
    for name, text in (fakes | {"make": FAKE_MAKE}).items():
        programs.joinpath(name).write_text(text)
        programs.joinpath(name).chmod(0o755)
    names = (f'    "Programming Language :: Python :: 3.9{minor}",\n' for minor in range(1, 7))
    checkout.joinpath("pyproject.toml").write_text("".join(names))
    done = script(checkout, ".ci/run", PATH=f"{programs}:{os.environ['PATH']}")
    assert done.returncode == 1, done.stderr  # but what comes after a failure is played too
    calls = [line for line in done.stdout.splitlines() if line.startswith("[make]")]
    again = [call for call in calls if "[JOBS=0]" in call]
    check, oldest, *between, newest = (call for call in calls if call not in again)

    def there(minor: int) -> str:
        return f"[VENV=.venv-3.9{minor}][PYTHON={programs}/python3.9{minor}]"

    assert check == "[make][check]" + there(1)
    assert oldest == "[make][test]" + there(1)
    assert newest == "[make][test]" + there(5)
    assert [call.partition("[ARGS=")[0] for call in between] == [
        "[make][test]" + there(minor) for minor in (3, 4)
    ]
    for call in between:
        for place in re.findall(r"tests/[\w/.]+", call):
            assert ROOT.joinpath(place).exists(), place
    assert [call.partition("[JOBS=0]")[0] for call in again] == [
        "[make][test]" + there(minor) for minor in (4, 5)
    ]
    assert all("--last-failed --last-failed-no-failures none" in call for call in again)
    assert done.stdout.splitlines()[-7:] == [
        "Python 3.91: format, lint and types passed",
        f"Python 3.91.0, {programs}/python3.91: whole suite passed",
        "Python 3.92: NOT PLAYED, this machine has none",
        f"Python 3.93.0, {programs}/python3.93: quick part passed",
        f"Python 3.94.0, {programs}/python3.94: quick part FAILED",
        f"Python 3.95.0, {programs}/python3.95: whole suite passed, "
        "some tests AT THE SECOND TRY ONLY (named above)",
        "Python 3.96: NOT PLAYED, this machine has none",
    ]
