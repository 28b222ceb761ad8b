"""The version is written twice: for pip, and for a quick start."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pipeline.system.version import __version__

ROOT = Path(__file__).parents[2]


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
    assert __version__ == project["version"]
