"""Code points of colours, as files give them."""

from __future__ import annotations

import struct

import numpy as np
import pillow_heif
import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.code_points import CodePoints, code_points, says_other_size
from pipeline.imaging.prepare import prepare_image
from pipeline.records import RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import LongSide, encoded, photo, quarters

pillow_heif.register_heif_opener()
SAMPLES = np.zeros((2, 2, 3), np.uint8)


def _png(*numbers: int) -> bytes:
    return builders.png(SAMPLES, 2, 8, [(b"cICP", bytes(numbers))])


def test_a_png_gives_them_in_a_chunk_before_its_pixels() -> None:
    assert code_points(_png(9, 16, 0, 1), "PNG") == CodePoints(9, 16)
    assert code_points(builders.png(SAMPLES, 2, 8), "PNG") is None


def test_a_png_of_another_matrix_or_range_gives_none() -> None:
    assert code_points(_png(9, 16, 9, 1), "PNG") is None
    assert code_points(_png(9, 16, 0, 0), "PNG") is None


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_heic_and_avif_give_them_as_a_property(format: str) -> None:
    data = encoded(quarters(64, 64), format)
    name = {"HEIF": "HEIC"}.get(format, format)
    assert code_points(data, name) == CodePoints(1, 13)
    assert code_points(data.replace(b"nclx\0\1", b"nclx\0\x0c"), name) == CodePoints(12, 13)


def test_other_formats_give_none() -> None:
    assert code_points(encoded(quarters(64, 64), "JPEG"), "JPEG") is None


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def _nclx(primaries: int) -> bytes:
    return _box(b"colr", b"nclx" + struct.pack(">HHHB", primaries, 16, 9, 128))


def _file(owners: dict[int, list[int]], wide: bool) -> bytes:
    """ISO file whose primary item is 2, with code points of the primaries 1 and 9."""
    size = ">H" if wide else ">B"
    entries = b"".join(
        struct.pack(">HB", item, len(indices))
        + b"".join(struct.pack(size, index) for index in indices)
        for item, indices in owners.items()
    )
    ipma = _box(b"ipma", bytes((0, 0, 0, wide)) + struct.pack(">I", len(owners)) + entries)
    ipco = _box(b"ipco", _box(b"ispe", bytes(12)) + _nclx(1) + _nclx(9))
    pitm = _box(b"pitm", bytes(4) + struct.pack(">H", 2))
    meta = _box(b"meta", bytes(4) + pitm + _box(b"iprp", ipco + ipma))
    return _box(b"ftyp", b"heic" + bytes(4)) + meta


@pytest.mark.parametrize("wide", [False, True])
def test_the_properties_of_the_primary_item_count(wide: bool) -> None:
    assert code_points(_file({1: [1, 2], 2: [1, 3]}, wide), "HEIC") == CodePoints(9, 16)
    assert code_points(_file({1: [3], 2: [1, 2]}, wide), "HEIC") == CodePoints(1, 16)


def test_hdr_of_tiles_counts_where_their_picture_says_nothing() -> None:
    for data in (_file({2: [1], 7: [2]}, False), _file({7: [3]}, False)):
        assert code_points(data, "HEIC") == CodePoints(1, 16)
        linear = data.replace(
            struct.pack(">HHHB", 1, 16, 9, 128), struct.pack(">HHHB", 1, 8, 0, 128)
        )
        assert code_points(linear, "HEIC") is None  # a map of gains, say


def test_a_cut_or_flipped_file_gives_some_or_none() -> None:
    data = _file({1: [1, 2], 2: [1, 3]}, True)
    for end in range(len(data)):
        code_points(data[:end], "HEIC")
        code_points(data[:end] + bytes((data[end] ^ 0xFF,)) + data[end + 1 :], "HEIC")


def test_an_avif_that_is_coded_in_another_size_than_it_says_is_flagged() -> None:
    """libavif stretches the picture to the size that the file says."""
    data = encoded(photo(75, 58), "AVIF")
    at = data.index(b"ispe") + 8
    for size, flagged in ((75, False), (331, True), (74, True)):
        said = data[:at] + size.to_bytes(4, "big") + data[at + 4 :]
        prepared = prepare_image(said, Recipe(LongSide(96)))
        if not isinstance(prepared, RejectedImage):
            assert ("length_differs" in prepared.flags) is flagged, size
        assert isinstance(prepared, RejectedImage) <= flagged
    for odd in (photo(75, 58).convert("RGBA"), photo(1, 7), photo(301, 4)):
        assert not says_other_size(encoded(odd, "AVIF"))
    assert not says_other_size(b"")
