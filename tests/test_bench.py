"""Benchmarks start from a fresh clone: what they need is named or installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import photos
from tests.bench.install import is_installed, wanted

ROOT = Path(__file__).parents[1]


def test_the_packages_of_photos_are_in_the_extra() -> None:
    names = " ".join(wanted(ROOT / "pyproject.toml"))
    assert all(package in names for package in photos._IN_PACKAGES.values())


def test_a_package_is_here_or_not() -> None:
    assert is_installed("pytest>=8.3")
    assert not is_installed("no-such-package[extra]>=1")


def test_no_photos_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "_roots", lambda: iter(()))
    with pytest.raises(SystemExit, match="install scikit-learn and scikit-image"):
        photos.real_photos()
