"""Sizes that are known before a library sees a file."""

from __future__ import annotations

import pytest

import tests.imaging.samples  # noqa: F401 (registers HEIC)
from pipeline.imaging.header_size import iso_size, webp_size
from tests.imaging.drawing import encoded, quarters


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_the_size_of_an_iso_file(format: str) -> None:
    width, height = iso_size(encoded(quarters(160, 120), format))
    assert (width, height) >= (160, 120)
    assert iso_size(b"") == (0, 0)


@pytest.mark.parametrize(
    "options", [{}, {"lossless": True}, {"icc_profile": b"x" * 200}, {"save_all": True}]
)
def test_the_size_of_a_webp_before_it_is_opened(options: dict[str, object]) -> None:
    data = encoded(quarters(161, 47), "WEBP", **options)
    assert webp_size(data) == (161, 47)
    assert webp_size(data[:20]) == (0, 0)
