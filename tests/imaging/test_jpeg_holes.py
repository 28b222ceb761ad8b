from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.jpeg_header import read_header
from pipeline.imaging.jpeg_holes import has_hole
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, photo

RECIPE = Recipe(size=LongSide(64), pass_through=True)
PHOTO = photo(400, 300)


def zeroed(data: bytes, length: int) -> bytes:
    at = len(data) * 3 // 4
    return data[:at] + bytes(length) + data[at + length :]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("length", [64, 200])
def test_lost_bytes_are_flagged_or_refused_and_never_passed_through(mode: str, length: int) -> None:
    data = encoded(PHOTO.convert(mode), "JPEG")
    assert not has_hole(read_header(data), data)
    harmed = zeroed(data, length)
    assert has_hole(read_header(harmed), harmed)
    prepared = prepare_image(harmed, Recipe(size=LongSide(400), pass_through=True))
    if isinstance(prepared, PreparedImage):
        assert "zero_block" in prepared.flags
        assert "passed_through" not in prepared.flags


def test_flat_pictures_have_zeros_of_their_own() -> None:
    for level in (0, 128, 255):
        flat = Image.fromarray(np.full((2000, 2000, 3), level, np.uint8))
        for options in ({}, {"optimize": True}, {"progressive": True}, {"subsampling": 0}):
            file = io.BytesIO()
            flat.save(file, "JPEG", **options)
            prepared = prepare_image(file.getvalue(), RECIPE)
            assert isinstance(prepared, PreparedImage)
            assert "zero_block" not in prepared.flags


@pytest.mark.parametrize("behind", [bytes(4096), b"MPF" + bytes(64)])
def test_zeros_behind_the_picture_are_not_of_it(behind: bytes) -> None:
    data = encoded(PHOTO, "JPEG") + behind
    assert not has_hole(read_header(data), data)


def test_zeros_in_the_scans_of_a_progressive_picture_may_be_right() -> None:
    file = io.BytesIO()
    PHOTO.save(file, "JPEG", progressive=True)
    harmed = zeroed(file.getvalue(), 64)
    assert not has_hole(read_header(harmed), harmed)


@pytest.mark.parametrize("shift", range(8))
@pytest.mark.parametrize("size", [(40, 30), (1000, 800)])
def test_a_hole_is_found_wherever_it_begins(size: tuple[int, int], shift: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG", quality=90)
    header = read_header(data)
    assert not has_hole(header, data)
    behind_header = header.scans_at + 14 + shift  # the scan's own header has 14 bytes
    for at in (behind_header, len(data) // 2 + shift, len(data) - 34 - shift):
        harmed = data[:at] + b"\1" + bytes(32) + b"\1" + data[at + 34 :]
        assert has_hole(header, harmed)
        assert not has_hole(header, harmed.replace(bytes(32), bytes(31) + b"\1"))


def test_a_long_header_with_no_scan_behind_it_has_no_hole() -> None:
    segment = b"\xff\xe1\xff\xff" + bytes(0xFFFD)
    frame = b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"
    data = b"\xff\xd8" + 9 * segment + frame + b"\xff\xda\x00\x02"
    assert not has_hole(read_header(data), data)
