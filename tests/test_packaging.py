"""What a user meets before the program: make, the environment, the locks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
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


def test_without_a_python_that_is_new_enough_setup_says_so(checkout: Path) -> None:
    done = subprocess.run(
        ["bash", ".ci/setup", ".venv-new", ".ci/requirements.txt"],
        cwd=checkout,
        env=os.environ | {"PYTHON": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert not checkout.joinpath(".venv-new").exists()
