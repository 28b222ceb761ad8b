"""Colours that only the coded pictures of HEIC and AVIF tell."""

from __future__ import annotations

import io

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.code_points import CodePoints, code_points
from pipeline.imaging.codestream_colours import of_av1, of_hevc
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, quarters, sent

pillow_heif.register_heif_opener()
PICTURE = quarters(64, 64)
PQ = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9}
PQ_OF_AV1 = {"color-primaries": "bt2020", "transfer-characteristics": "smpte2084"}


def _without_property(data: bytes) -> bytes:
    """The file without its properties "colr"."""
    assert b"colr" in data
    return data.replace(b"colr", b"free")


def _animation(**options: object) -> bytes:
    """An AVIF whose sequence header is not the reduced one of stills."""
    frames = [quarters(64, 64), quarters(64, 64).rotate(90)]
    data = io.BytesIO()
    frames[0].save(data, "AVIF", save_all=True, append_images=frames[1:], **options)
    return data.getvalue()


def test_heic() -> None:
    assert code_points(_without_property(encoded(PICTURE, "HEIF", **PQ)), "HEIC") == (9, 16)
    hlg = encoded(PICTURE, "HEIF", **PQ | {"transfer_characteristics": 18})
    assert code_points(_without_property(hlg), "HEIC") == CodePoints(9, 18)


def test_avif() -> None:
    data = encoded(PICTURE, "AVIF", advanced=PQ_OF_AV1)
    assert code_points(data, "AVIF") == CodePoints(1, 13), "the property comes first"
    assert code_points(_without_property(data), "AVIF") == CodePoints(9, 16)


def test_the_first_picture_of_an_animation() -> None:
    assert code_points(_without_property(_animation(advanced=PQ_OF_AV1)), "AVIF") == (9, 16)


def test_the_configuration_of_an_avif_may_hold_the_header() -> None:
    data = _without_property(encoded(PICTURE, "AVIF", advanced=PQ_OF_AV1))
    coded = data[data.index(b"mdat") + 4 :]
    assert coded[:3] == b"\x12\0\x0a", "a delimiter, then a sequence header"
    assert of_av1(coded[2:]) == (9, 16)
    assert of_av1(b"") is None
    assert of_av1(b"\x32\x01\0") is None, "a frame"


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
def test_a_picture_that_tells_nothing(format: str) -> None:
    data = bytearray(_without_property(encoded(PICTURE, format, **PQ if format == "HEIF" else {})))
    for kind in (b"hvcC", b"av1C"):
        data = data.replace(kind, b"free")
    assert code_points(bytes(data), {"HEIF": "HEIC"}.get(format, format)) is None


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
def test_hdr_without_the_property_is_mapped_like_hdr_with_it(format: str) -> None:
    grey = Image.fromarray(np.repeat(np.arange(64, 160, dtype=np.uint8)[None], 96, 0)).convert(
        "RGB"
    )
    options = PQ if format == "HEIF" else {"advanced": PQ_OF_AV1}
    data = encoded(grey, format, quality=95, **options)
    prepared = prepare_image(_without_property(data), Recipe(LongSide(96)))
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ("hdr_converted",)
    if format == "HEIF":
        with_it = prepare_image(data, Recipe(LongSide(96)))
        assert isinstance(with_it, PreparedImage)
        assert sent(prepared) == sent(with_it)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_to_their_end(data: bytes) -> None:
    of_av1(data)
    of_av1(b"\x0a\x40" + data)
    of_hevc(data)
    of_hevc(bytes(22) + b"\1\x21\0\1\0\x40\x42\1" + data)


@given(st.integers(0, 3000), st.integers(0, 255))
def test_damage_raises_nothing(at: int, value: int) -> None:
    for name, data in (("HEIC", _HEIC), ("AVIF", _AVIF)):
        damaged = bytearray(data)
        damaged[at % len(damaged)] = value
        code_points(bytes(damaged), name)
        code_points(data[:at], name)


_HEIC = _without_property(encoded(PICTURE, "HEIF", **PQ))
_AVIF = _without_property(encoded(PICTURE, "AVIF"))
