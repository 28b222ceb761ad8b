"""A JPEG that lacks scans is damaged, however sound its bytes are."""

from __future__ import annotations

import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.jpeg_header import read_header
from pipeline.imaging.jpeg_scans import missing_scans
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo

RECIPE = Recipe(LongSide(96))
_SOS, _EOI = b"\xff\xda", b"\xff\xd9"


def _scan_starts(data: bytes) -> list[int]:
    starts, at = [], data.find(_SOS)
    while at >= 0:
        starts.append(at)
        at = data.find(_SOS, at + 2)
    return starts


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("ended", [False, True])
def test_a_progressive_jpeg_that_lacks_scans(mode: str, ended: bool) -> None:
    data = encoded(photo().convert(mode), "JPEG", progressive=True)
    starts = _scan_starts(data)
    assert len(starts) > 3
    assert isinstance(prepare_image(data, RECIPE), PreparedImage)
    for start in starts[1:]:
        rejected = prepare_image(data[:start] + _EOI * ended, RECIPE)
        assert isinstance(rejected, RejectedImage)
        assert rejected.rejection.code == "truncated"
    part = prepare_image(data[: starts[-1]] + _EOI, Recipe(LongSide(96), on_damage="accept"))
    assert isinstance(part, PreparedImage)
    assert part.flags == ("truncated_accepted",)


def test_it_is_not_passed_through() -> None:
    data = encoded(photo(80, 60), "JPEG", progressive=True)
    cut = data[: _scan_starts(data)[-1]] + _EOI
    assert isinstance(prepare_image(cut, Recipe(LongSide(96), pass_through=True)), RejectedImage)


def test_a_sequential_jpeg_that_lacks_the_scan_of_a_component() -> None:
    data = encoded(photo(), "JPEG")
    at = data.index(_SOS)
    lacking = data[: at + 2] + b"\0\x08\1\1\0\0\x3f\0" + data[at + 14 :]
    assert missing_scans(read_header(data), data) == ""
    assert missing_scans(read_header(lacking), lacking)


def test_a_second_picture_behind_the_first_does_not_complete_it() -> None:
    data = encoded(photo(), "JPEG", progressive=True)
    cut = data[: _scan_starts(data)[2]] + _EOI + data
    assert missing_scans(read_header(cut), cut)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("tail", ["cut", "zeros", "ones"])
def test_a_jpeg_cut_anywhere_is_the_same_or_refused(progressive: bool, tail: str) -> None:
    data = encoded(photo(61, 47), "JPEG", progressive=progressive)
    whole = prepare_image(data, RECIPE)
    assert isinstance(whole, PreparedImage)
    for length in range(1, len(data)):
        rest = {"cut": 0, "zeros": len(data) - length, "ones": len(data) - length}[tail]
        filled = data[:length] + (b"\xff" if tail == "ones" else b"\0") * rest
        prepared = prepare_image(filled, RECIPE)
        assert isinstance(prepared, RejectedImage) or prepared.content_id == whole.content_id


def test_an_unusual_jpeg_is_looked_through_for_damage() -> None:
    """Those that turbo refuses are decoded by Pillow, which keeps quiet about damage."""
    data = bytearray(encoded(photo().convert("CMYK"), "JPEG"))
    data[data.index(b"Adobe") + 11] = 7
    assert isinstance(prepare_image(bytes(data), RECIPE), PreparedImage)
    cut = prepare_image(bytes(data[: len(data) // 2]) + _EOI, RECIPE)
    assert isinstance(cut, RejectedImage)
    part = prepare_image(
        bytes(data[: len(data) // 2]) + _EOI, Recipe(LongSide(96), on_damage="accept")
    )
    assert isinstance(part, PreparedImage)
    assert part.flags == ("damaged_accepted",)
    factors = bytearray(encoded(photo(), "JPEG", subsampling=0))
    factors[factors.index(b"\xff\xc0") + 11] = 0x31
    unchecked = prepare_image(bytes(factors), RECIPE)
    assert isinstance(unchecked, PreparedImage)
    assert unchecked.flags == ("damage_unchecked",)


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (4, 12, "12 bits"),
        (1, 0xC3, "lossless"),
        (1, 0xC5, "differential"),
        (1, 0xCB, "lossless"),
        (1, 0xF7, "JPEG-LS"),
    ],
)
def test_a_jpeg_of_a_kind_that_is_not_decoded_is_not_called_damaged(
    at: int, value: int, words: str
) -> None:
    data = bytearray(encoded(photo(), "JPEG"))
    data[data.index(b"\xff\xc0") + at] = value
    rejected = prepare_image(bytes(data), RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "unsupported_format"
    assert words in rejected.rejection.detail
