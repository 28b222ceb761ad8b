"""Deep PNG and transparent colours, compared with what was written."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging import builders
from tests.imaging.drawing import LongSide, shown

RECIPE = Recipe(LongSide(96), quality=100, subsampling="444")
WIDTH, HEIGHT = 64, 48
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
GREYS = (COLUMNS / (WIDTH - 1))[..., None]
COLOURS = np.dstack([GREYS, ROWS / (HEIGHT - 1), GREYS[:, ::-1]])
OPAQUE = np.full((HEIGHT, WIDTH, 1), 65535, np.uint16)


def _sent(data: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage), prepared
    return np.asarray(shown(prepared)).astype(float), prepared.flags


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("interlaced", [False, True])
def test_few_bits_of_sixteen_are_stretched(bits: int, interlaced: bool) -> None:
    top = (1 << bits) - 1
    grey, rgb = (np.round(part * top).astype(np.uint16) for part in (GREYS, COLOURS))
    for colour, samples, shares in (
        (0, grey, GREYS), (4, np.dstack([grey, OPAQUE]), GREYS),
        (2, rgb, COLOURS), (6, np.dstack([rgb, OPAQUE]), COLOURS),
    ):  # fmt: skip
        picture, flags = _sent(builders.png(samples, colour, 16, interlaced=interlaced))
        assert flags == ("range_stretched",), colour
        assert np.abs(picture - shares * 255).mean() < 2, colour


def test_significant_bits_decide_where_the_values_fit_them() -> None:
    half = np.round(COLOURS * 8000).astype(np.uint16)
    picture, flags = _sent(builders.png(half, 2, 16, [(b"sBIT", bytes((14, 14, 14)))]))
    assert flags == ("range_stretched",)
    assert picture.max() == pytest.approx(255 * 8000 / 16383, abs=4)
    picture, flags = _sent(builders.png(half, 2, 16))
    assert flags == ()
    assert picture.max() < 35


def test_a_dark_picture_of_a_known_encoding_stays_dark() -> None:
    dark = np.round(COLOURS * 3000).astype(np.uint16)
    picture, flags = _sent(builders.png(dark, 2, 16, [(b"sRGB", b"\0")]))
    assert flags == ("nearly_black",)
    assert picture.max() < 16


def test_a_picture_that_no_screen_shows_is_blank_and_not_merged() -> None:
    dark = np.round(COLOURS * 1500).astype(np.uint16)
    other = dark[::-1].copy()
    files = [builders.png(part, 2, 16, [(b"sRGB", b"\0")]) for part in (dark, other)]
    sent = [prepare_image(data, Recipe(LongSide(96))) for data in files]
    assert all(isinstance(image, PreparedImage) and "blank" in image.flags for image in sent)
    assert len({image.content_id for image in sent if isinstance(image, PreparedImage)}) == 2


def _grey_png(samples: np.ndarray, bits: int, key: int) -> bytes:
    ones = samples.reshape(HEIGHT, -1, 1) >> np.arange(bits - 1, -1, -1) & 1
    rows = np.packbits(ones.reshape(HEIGHT, -1).astype(np.uint8), axis=1)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = (
        (b"IHDR", header),
        (b"tRNS", struct.pack(">H", key)),
        (b"IDAT", pixels),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(builders.png_chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_of_every_depth(bits: int) -> None:
    """The left half is of the key, and nothing of the right half is."""
    top = (1 << bits) - 1
    key, other = (1, 0) if bits == 1 else (top // 3, top // 3 - 1 if bits > 8 else top // 3 * 2)
    samples = np.where(COLUMNS < WIDTH // 2, key, other)
    picture, _ = _sent(_grey_png(samples, bits, key))
    assert picture[:, : WIDTH // 2 - 8].min() > 250
    assert picture[:, WIDTH // 2 + 8 :].max() == pytest.approx(other / top * 255, abs=3)


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_transparent_colour_of_sixteen_bits_is_no_neighbour(interlaced: bool) -> None:
    key = (0x1234, 0x5678, 0x9ABC)
    samples = np.zeros((HEIGHT, WIDTH, 3), np.uint16) + np.array(key, np.uint16)
    samples[:, WIDTH // 2 :, 2] += 1  # in the lower byte
    chunk = (b"tRNS", struct.pack(">3H", *key))
    picture, flags = _sent(builders.png(samples, 2, 16, [chunk], interlaced=interlaced))
    assert flags == ("colour_key",)
    assert picture[:, : WIDTH // 2 - 8].min() > 250
    assert picture[:, WIDTH // 2 + 8 :, 0].max() < 30
