"""Sun rasters whose rows are filled up, and whose pixels have four bytes."""

from __future__ import annotations

import pytest

from pipeline.core.recipe import ImageLimits, Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.sun_raster import with_plain_rows
from pipeline.records import RejectedImage
from tests.imaging.drawing import LongSide, distance, photo
from tests.imaging.packed_files import sun

RECIPE = Recipe(LongSide(200), quality=100, subsampling="444")


@pytest.mark.parametrize("width", [160, 161])
@pytest.mark.parametrize("bits", [24, 32])
@pytest.mark.parametrize(("packed", "kind"), [(False, 1), (False, 3), (True, 1)])
def test_rows_are_filled_up_and_four_bytes_begin_with_one_that_fills_up(
    width: int, bits: int, packed: bool, kind: int
) -> None:
    image = photo(width, 33)
    prepared = prepare_image(sun(image, packed=packed, bits=bits, kind=kind), RECIPE)
    assert distance(prepared, image) < 1.5
    assert not prepared.flags  # type: ignore[union-attr]


def test_a_grey_one_of_odd_width_is_read() -> None:
    import struct

    grey = photo(161, 33).convert("L")
    rows = b"".join(grey.crop((0, y, 161, y + 1)).tobytes() + b"\0" for y in range(33))
    packed = rows.replace(b"\x80", b"\x80\0")
    head = struct.pack(">8I", 0x59A66A95, 161, 33, 8, len(packed), 2, 0, 0)
    assert distance(prepare_image(head + packed, RECIPE), grey.convert("RGB")) < 1.5


def test_what_is_cut_is_refused_at_every_length() -> None:
    for bits, packed in ((24, True), (32, False), (32, True)):
        data = sun(photo(31, 9), bits=bits, packed=packed)
        for end in range(32, len(data) - 1, 7):
            prepared = prepare_image(data[:end], RECIPE)
            assert isinstance(prepared, RejectedImage), (bits, packed, end)
            assert prepared.rejection.code == "truncated"


def test_a_file_that_is_plain_already_stays_as_it_is() -> None:
    data = sun(photo(31, 9))
    assert with_plain_rows(data) is data


def test_a_size_beyond_the_limit_is_refused_before_anything_is_unpacked() -> None:
    data = bytearray(sun(photo(31, 9), packed=True))
    data[4:12] = b"\0\0\xff\xff" * 2
    prepared = prepare_image(bytes(data), Recipe(LongSide(96), caps=ImageLimits(max_pixels=1000)))
    assert isinstance(prepared, RejectedImage)
    assert prepared.rejection.code == "too_many_pixels"
