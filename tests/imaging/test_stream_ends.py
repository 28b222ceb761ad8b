"""Checksums, lengths and ends of streams at which no decoder looks."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo

RECIPE = Recipe(LongSide(96))
PHOTO = photo(160, 120)


def _outcome(data: bytes) -> str:
    prepared = prepare_image(data, RECIPE)
    if isinstance(prepared, RejectedImage):
        return prepared.rejection.code
    assert isinstance(prepared, PreparedImage)
    return ",".join(prepared.flags)


def _psd() -> bytes:
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 120, 160, 8, 3) + bytes(12)
    bands = [np.asarray(PHOTO)[..., band] for band in range(3)]
    rows = [
        b"\x7f" + row[:128].tobytes() + b"\x1f" + row[128:].tobytes() for b in bands for row in b
    ]
    lengths = b"".join(struct.pack(">H", len(row)) for row in rows)
    return head + struct.pack(">H", 1) + lengths + b"".join(rows)


def test_missing_bytes_of_a_psd_are_missed() -> None:
    data = _psd()
    assert _outcome(data) == ""
    assert _outcome(data[:5000] + data[5001:]) == "truncated"
    assert _outcome(data + b"something behind it") == "length_differs"


def test_missing_bytes_of_a_tga_are_missed() -> None:
    data = encoded(PHOTO, "TGA")
    assert data.endswith(b"TRUEVISION-XFILE.\0")
    assert _outcome(data) == ""
    assert _outcome(data[:5000] + data[5001:]) == "truncated"
    mapped = encoded(PHOTO.quantize(16), "TGA")
    assert _outcome(mapped) == ""
    assert _outcome(mapped[:5000] + mapped[5001:]) == "truncated"


def test_missing_bytes_of_a_qoi_are_doubted() -> None:
    data = encoded(PHOTO, "QOI")
    assert _outcome(data) == ""
    chance, silent = random.Random(2), 0
    for _ in range(20):
        at = chance.randrange(100, len(data) - 100)
        outcome = _outcome(data[:at] + data[at + 3 :])
        assert outcome in ("codes_left_over", "truncated", "")
        silent += outcome == ""
    assert silent < 12  # codes for as many pixels as before are another picture


def _sgi() -> bytes:
    grey = np.asarray(PHOTO.convert("L"))[::-1]
    rows = [b"\xff" + row[:127].tobytes() + b"\xa1" + row[127:].tobytes() + b"\0" for row in grey]
    head = struct.pack(">HBBHHHHII", 474, 1, 1, 2, 160, 120, 1, 0, 255).ljust(512, b"\0")
    starts = np.cumsum([512 + 8 * 120, *(len(row) for row in rows[:-1])])
    table = struct.pack(">120I", *starts) + struct.pack(">120I", *(len(row) for row in rows))
    return head + table + b"".join(rows)


def test_rows_of_an_sgi_that_were_never_written_are_damage() -> None:
    data = _sgi()
    assert _outcome(data) == ""
    assert _outcome(data[:-1000] + bytes(1000)) == "damaged"


@pytest.mark.parametrize("strip", [{}, {278: 16}])
def test_deflated_pixels_of_a_tiff_are_summed(strip: dict[int, int]) -> None:
    data = encoded(PHOTO, "TIFF", compression="tiff_deflate", tiffinfo=strip)
    assert _outcome(data) == ""
    chance = random.Random(2)
    for _ in range(30):
        at = chance.randrange(100, len(data) - 1000)
        flipped = data[:at] + bytes((data[at] ^ 16,)) + data[at + 1 :]
        assert _outcome(flipped) in ("damaged", "truncated"), at


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd"])
def test_codes_that_are_left_over_are_a_doubt(compression: str) -> None:
    for mode, options in (("RGB", {}), ("L", {278: 16}), ("1", {}), ("RGB", {317: 2})):
        if compression == "packbits" and 317 in options:
            continue
        image = PHOTO.convert(mode)
        data = encoded(image, "TIFF", compression=compression, tiffinfo=options)
        assert _outcome(data) == "", mode
    data = encoded(PHOTO, "TIFF", compression=compression)
    assert _outcome(_with_less_rows(data)) == "codes_left_over"


def _with_less_rows(data: bytes) -> bytes:
    """File whose header asks for fewer rows than its one strip holds."""
    low, high = struct.pack("<HHII", 257, 4, 1, 120), struct.pack("<HHIHH", 257, 3, 1, 120, 0)
    shorter = data.replace(low, struct.pack("<HHII", 257, 4, 1, 119))
    return shorter.replace(high, struct.pack("<HHIHH", 257, 3, 1, 119, 0))


def test_tables_of_a_jpeg_inside_a_tiff_have_an_end() -> None:
    data = encoded(PHOTO, "TIFF", compression="jpeg")
    at = data.rindex(b"\xff\xd9")
    assert _outcome(data) == ""
    assert _outcome(data[: at - 8] + bytes(len(data) - at + 8)) == "damaged"


@pytest.mark.parametrize("cut", [1, 20, 400, 769])
def test_colours_of_a_pcx_that_are_missing_are_not_taken_for_greys(cut: int) -> None:
    data = encoded(photo().quantize(64), "PCX")
    assert _outcome(data) == ""
    assert _outcome(data[:-cut]) == "truncated"
    assert _outcome(encoded(photo().convert("L"), "PCX")) == ""
    grey = data[:68] + b"\2\0" + data[70:-769]
    assert _outcome(grey) == "", "a file of greys needs none"
