"""Chunks of PNG that libpng refuses, and those that it does not."""

from __future__ import annotations

import random
import struct
import zlib

import numpy as np
import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.png_chunks import check_png, largest_png
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import LongSide, encoded, photo, shown

RECIPE = Recipe(LongSide(96))
PNG = encoded(photo(), "PNG")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def test_a_sound_png() -> None:
    for data in (PNG, PNG + b"trailing", PNG[:-5]):
        assert check_png(data) == (None, data)


def test_every_flipped_bit_of_the_pixels_is_noticed() -> None:
    chance = random.Random(3)
    start, end = PNG.index(b"IDAT"), PNG.index(b"IEND") - 4
    for _ in range(100):
        data = bytearray(PNG)
        data[chance.randrange(start, end)] ^= 1 << chance.randrange(8)
        rejected = prepare_image(bytes(data), RECIPE)
        assert isinstance(rejected, RejectedImage)
        assert rejected.rejection.code in ("damaged", "truncated")


def test_a_damaged_png_can_be_accepted() -> None:
    data = bytearray(PNG)
    data[PNG.index(b"IDAT") + 9000] ^= 8
    fault, _ = check_png(bytes(data))
    assert fault is not None
    assert "IDAT" in fault.detail
    accepted = prepare_image(bytes(data), Recipe(LongSide(96), on_damage="accept"))
    assert isinstance(accepted, PreparedImage)
    assert accepted.flags == ("damaged_accepted",)


def test_damaged_words_harm_no_picture() -> None:
    text = bytearray(builders.png_chunk(b"tEXt", b"Comment\0a dog"))
    text[-6] ^= 1
    at = PNG.index(b"IDAT") - 4
    data = PNG[:at] + bytes(text) + PNG[at:-12] + bytes(text) + PNG[-12:]
    assert check_png(data) == (None, PNG)
    assert isinstance(prepare_image(data, RECIPE), PreparedImage)


def test_texts_are_not_unpacked() -> None:
    bomb = builders.png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    at = PNG.index(b"IDAT") - 4
    data = PNG[:at] + bomb + PNG[at:]
    assert check_png(data) == (None, PNG)
    assert isinstance(prepare_image(data, RECIPE), PreparedImage)


def _png(depth: int, colour: int, raw: bytes, *before: bytes, size: tuple[int, int]) -> bytes:
    header = builders.png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    pixels = builders.png_chunk(b"IDAT", zlib.compress(raw))
    return _SIGNATURE + header + b"".join(before) + pixels + builders.png_chunk(b"IEND", b"")


def _rejection(data: bytes) -> tuple[str, str]:
    rejected = prepare_image(data, RECIPE)
    assert isinstance(rejected, RejectedImage)
    return rejected.rejection.code, rejected.rejection.detail


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("width", "height"), [(40, 30), (40, 31), (33, 1), (1, 33), (2, 1)])
def test_pixels_that_end_early_are_refused(width: int, height: int, interlaced: bool) -> None:
    """The stream is whole and its checksums are right: there is just too little in it."""
    samples = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
    whole = builders.png(samples, 2, 8, interlaced=interlaced)
    assert isinstance(prepare_image(whole, RECIPE), PreparedImage)
    at, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    raw = zlib.decompress(whole[at + 8 : end - 4])
    for missing in {1, 3, len(raw) // 2, len(raw) - 1}:
        body = builders.png_chunk(b"IDAT", zlib.compress(raw[:-missing]))
        assert _rejection(whole[:at] + body + whole[end:])[0] == "truncated", missing


@pytest.mark.parametrize("value", [0x55, 0xAA, 0])
def test_a_last_pixel_of_any_value_is_a_pixel(value: int) -> None:
    samples = np.full((9, 5, 1), value, np.uint8)
    prepared = prepare_image(builders.png(samples, 0, 8), RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert shown(prepared).getpixel((4, 8)) == (value,) * 3


def test_a_broken_stream_with_right_checksums_is_refused() -> None:
    """An EXIF reader that decodes must not leave an empty picture behind."""
    at, end = PNG.index(b"IDAT") - 4, PNG.index(b"IEND") - 4
    for body in (b"", b"no stream", zlib.compress(b"\7" * 200_000), PNG[at + 8 + 2 : end - 4]):
        broken = PNG[:at] + builders.png_chunk(b"IDAT", body) + PNG[end:]
        assert _rejection(broken)[0] in ("damaged", "truncated")


def test_an_unknown_critical_chunk_is_named() -> None:
    """As Apple's CgBI, which says that the stream and the colours are other ones."""
    data = PNG[:8] + builders.png_chunk(b"CgBI", b"\x50\0\x20\2") + PNG[8:]
    assert _rejection(data) == (
        "unsupported_format",
        "images of this kind are not supported: a PNG with a critical chunk CgBI",
    )


@pytest.mark.parametrize("palette", [None, b"", b"\1\2", b"\0" * 771])
def test_an_impossible_palette_is_damage(palette: bytes | None) -> None:
    before = [] if palette is None else [builders.png_chunk(b"PLTE", palette)]
    data = _png(8, 3, b"\0\1\1\0\1\1", *before, size=(2, 2))
    assert _rejection(data)[0] == "damaged"


def test_a_palette_in_the_way_of_grey_or_true_colours_harms_nothing() -> None:
    data = _png(8, 0, b"\0\x50\x50", builders.png_chunk(b"PLTE", b"\1\2"), size=(2, 1))
    assert isinstance(prepare_image(data, RECIPE), PreparedImage)


def test_an_index_beyond_the_palette_is_black() -> None:
    """As libpng has it; Pillow makes it grey."""
    palette = builders.png_chunk(b"PLTE", b"\xff\xff\xff" * 2)
    data = _png(8, 3, b"\0\1\1" + b"\0\x90\x90", palette, size=(2, 2))
    prepared = prepare_image(data, Recipe(LongSide(96), quality=100, subsampling="444"))
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ("palette_exceeded",)
    assert max(shown(prepared).getpixel((1, 1))) < 3
    assert min(shown(prepared).getpixel((0, 0))) > 252


@pytest.mark.parametrize(("at", "value"), [(10, 1), (12, 2)])
def test_an_unknown_compression_or_interlacing_is_refused(at: int, value: int) -> None:
    header = bytearray(PNG[16:29])
    header[at] = value
    data = PNG[:8] + builders.png_chunk(b"IHDR", bytes(header)) + PNG[33:]
    assert _rejection(data)[0] == "damaged"


def test_exif_behind_the_pixels_counts_and_is_read_without_them() -> None:
    exif = builders.png_chunk(b"eXIf", builders.exif(6))
    prepared = prepare_image(PNG[:-12] + exif + PNG[-12:], RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert (prepared.source_width, prepared.source_height) == (120, 160)


def test_an_icon_may_end_anywhere_in_its_directory() -> None:
    icon = encoded(photo(64, 64), "ICO")
    assert largest_png(icon).startswith(b"\x89PNG")
    for length in range(4, 22):
        assert largest_png(icon[:length]) == b""
        assert isinstance(prepare_image(icon[:length], Recipe(size=LongSide(64))), RejectedImage)
