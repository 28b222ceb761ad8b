"""Rows that their codes do not fill."""

from __future__ import annotations

import random

import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.packed_rows import fills_rows
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, assert_shows, encoded, photo, quarters
from tests.imaging.packed_files import psd, sgi, sun

RECIPE = Recipe(LongSide(96))
PACKED = {
    "PCX": lambda image: encoded(image, "PCX"),
    "PSD": lambda image: psd(image, packed=True),
    "SGI": sgi,
    "TGA": lambda image: encoded(image, "TGA", compression="tga_rle"),
    "Sun raster": lambda image: sun(image, packed=True),
}
PIXELS_AT = {
    "PCX": 128,
    "PSD": 40 + 2 * 3 * 120,
    "SGI": 512 + 8 * 3 * 120,
    "TGA": 18,
    "Sun raster": 32,
}


@pytest.mark.parametrize("format", PACKED)
def test_whole_files_fill_their_rows(format: str) -> None:
    for image in (photo(160, 120), quarters(), photo(333, 41).resize((334, 41))):
        assert fills_rows(PACKED[format](image), format)
    prepared = assert_shows(prepare_image(PACKED[format](quarters()), RECIPE))
    assert (prepared.source_format, prepared.flags) == (format, ())


def test_a_palette_and_bits_fill_their_rows() -> None:
    assert fills_rows(encoded(photo(160, 120).quantize(64), "PCX"), "PCX")
    assert fills_rows(encoded(photo(161, 120).convert("1"), "PCX"), "PCX")
    grey = bytearray(encoded(photo(8, 6).convert("L"), "PCX")[:-769])
    grey[68] = 2  # greys need no palette, and such a file may be shorter than one
    assert fills_rows(bytes(grey), "PCX")
    prepared = prepare_image(bytes(grey), RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()


@pytest.mark.parametrize("format", PACKED)
def test_a_byte_more_or_another_count_is_flagged_or_refused(format: str) -> None:
    """A code that gives just as much as before is another picture, which nobody can know."""
    data = PACKED[format](photo(160, 120))
    chance, silent = random.Random(3), 0
    for _ in range(60):
        at = chance.randrange(PIXELS_AT[format], len(data))
        prepared = prepare_image(data[:at] + bytes((data[at] ^ 3,)) + data[at:], RECIPE)
        if isinstance(prepared, PreparedImage):
            silent += "length_differs" not in prepared.flags
    assert silent == 0


def test_codes_of_a_psd_that_overrun_their_row_are_seen() -> None:
    data = bytearray(psd(quarters(), packed=True))
    at = PIXELS_AT["PSD"]
    assert data[at] > 128, "a run"
    data[at] -= 1  # one more of the same
    assert not fills_rows(bytes(data), "PSD")
    prepared = prepare_image(bytes(data), RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ("length_differs",)


@pytest.mark.parametrize("format", ["PSD", "SGI"])
def test_codes_that_give_nothing_end(format: str) -> None:
    """The codes 128 of PSD and 0 of SGI may fill a file of any length."""
    data = bytearray(PACKED[format](quarters()))
    data[PIXELS_AT[format] :] = (b"\x80" if format == "PSD" else b"\0") * len(
        data[PIXELS_AT[format] :]
    )
    assert not fills_rows(bytes(data), format)


def test_plain_pixels_and_other_formats_have_no_codes() -> None:
    assert fills_rows(psd(quarters()), "PSD")
    assert fills_rows(sun(quarters()), "Sun raster")
    assert fills_rows(encoded(quarters(), "SGI"), "SGI")
    assert fills_rows(b"", "PNG")
