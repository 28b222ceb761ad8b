"""Pillow's plugins as they are used here."""

from __future__ import annotations

import pytest

from pipeline.core.recipe import DEFAULT_FORMATS
from pipeline.imaging.plugins import open_image, orientation, plugin
from tests.imaging import builders
from tests.imaging.drawing import encoded, quarters


@pytest.mark.parametrize("format", sorted(DEFAULT_FORMATS))
def test_every_format_has_a_plugin(format: str) -> None:
    assert callable(plugin(format))


def test_decoders_use_one_thread() -> None:
    import pillow_heif
    from PIL import AvifImagePlugin

    plugin("AVIF")
    plugin("HEIC")
    assert AvifImagePlugin.DEFAULT_MAX_THREADS == 1
    assert pillow_heif.options.DECODE_THREADS == 1


def test_the_orientation_is_read_without_pixels() -> None:
    data = encoded(quarters(40, 30), "PNG")
    exif = builders.png_chunk(b"eXIf", builders.exif(6))
    image = open_image(data[:33] + exif + data[33:], "PNG")
    assert orientation(image) == 6
    assert orientation(open_image(data, "PNG")) == 1
