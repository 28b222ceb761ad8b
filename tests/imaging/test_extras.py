"""Formats that come with packages."""

from __future__ import annotations

import pytest

from pipeline.config import load_config
from pipeline.core.recipe import DEFAULT_FORMATS, EXTRA_FORMATS, Recipe
from pipeline.imaging import extras
from pipeline.session.spec_factory import SpecFactory


def recipe() -> Recipe:
    return (
        SpecFactory.of(load_config(None, {}))
        .build(local=True, account="default", now=1_795_000_000)
        .recipe
    )


def install(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Let just these packages be found."""
    monkeypatch.setattr(extras, "find_spec", lambda name: name if name in packages else None)


def test_every_extra_format_has_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "pillow_jxl", "imagecodecs", "rawpy", "resvg_py")
    assert extras.installed_formats() == EXTRA_FORMATS
    assert not EXTRA_FORMATS & DEFAULT_FORMATS


@pytest.mark.parametrize(
    ("package", "formats"),
    [
        ("pillow_jxl", {"JPEG XL"}),
        ("imagecodecs", {"JPEG XL frames", "JPEG 2000 samples"}),
        ("rawpy", {"RAW"}),
        ("resvg_py", {"SVG"}),
    ],
)
def test_a_package_brings_its_formats_only(
    monkeypatch: pytest.MonkeyPatch, package: str, formats: set[str]
) -> None:
    install(monkeypatch, package)
    assert extras.installed_formats() == formats


def test_what_is_installed_decides_what_is_admitted_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch)
    without = recipe()
    install(monkeypatch, "rawpy")
    there = recipe()
    assert without.formats == DEFAULT_FORMATS
    assert there.formats == DEFAULT_FORMATS | {"RAW"}
    assert there.admission() != without.admission()
    assert there.canonical() == without.canonical()
