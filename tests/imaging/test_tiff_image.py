"""Pages whose samples Pillow reads wrongly or not at all, as they are sent."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.tiff_image import declared_bits, needs_own_reader
from pipeline.imaging.tiff_pages import pages
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, shown
from tests.imaging.tiff_files import Array, Page, tiff_file

RECIPE = Recipe(LongSide(96), quality=100, subsampling="444")
WIDTH, HEIGHT = 64, 48
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
SHARES = np.stack([COLUMNS / (WIDTH - 1), ROWS / (HEIGHT - 1), (COLUMNS // 16 % 2) * 0.8], axis=-1)
OPAQUE = np.ones((HEIGHT, WIDTH, 1))


def _of(shares: Array, kind: str) -> Array:
    if kind[0] == "f":
        return shares.astype(kind)
    return np.round(shares * np.iinfo(kind).max).astype(kind)


def _sent(data: bytes, *flags: str) -> Array:
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage), prepared
    assert set(flags) <= set(prepared.flags), prepared.flags
    return np.asarray(shown(prepared)).astype(float)


def _assert_shows(picture: Array, shares: Array) -> None:
    assert np.abs(picture - shares * 255).mean() < 3


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_colours_of_every_kind_and_arrangement(kind: str, order: str) -> None:
    for planar in (False, True):
        for packed in (1, 8):
            page = Page(_of(SHARES, kind), planar=planar, packed=packed)
            _assert_shows(_sent(tiff_file(page, order=order)), SHARES)


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f4"])
def test_transparency_and_further_bands(kind: str) -> None:
    half = np.where(COLUMNS < WIDTH // 2, 0.0, 1.0)[..., None]
    over_white = np.where(half > 0, SHARES, 1.0)
    for planar in (False, True):
        with_alpha = Page(_of(np.dstack([SHARES, half]), kind), planar=planar, tags=[(338, 3, [2])])
        _assert_shows(_sent(tiff_file(with_alpha)), over_white)
        grey = Page(
            _of(np.dstack([SHARES[..., :1], OPAQUE]), kind), 1, planar, tags=[(338, 3, [2])]
        )
        _assert_shows(_sent(tiff_file(grey)), np.repeat(SHARES[..., :1], 3, axis=2))
        more = Page(
            _of(np.dstack([SHARES, half, half]), kind), planar=planar, tags=[(338, 3, [0, 0])]
        )
        _assert_shows(_sent(tiff_file(more)), SHARES)


def test_bands_that_are_no_colours_are_said_to_be_left_out() -> None:
    page = Page(_of(np.dstack([SHARES, OPAQUE, OPAQUE]), "u2"), tags=[(338, 3, [0, 0])])
    _sent(tiff_file(page), "samples_converted", "bands_ignored")


def test_inks_and_inverted_grey() -> None:
    inks = np.dstack([1 - SHARES, 0 * OPAQUE])
    _assert_shows(_sent(tiff_file(Page(_of(inks, "u2"), 5, planar=True))), SHARES)
    inverted = Page(_of(1 - SHARES[..., :1], "u4"), 0)
    _assert_shows(_sent(tiff_file(inverted)), np.repeat(SHARES[..., :1], 3, axis=2))


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("order", ["<", ">"])
def test_few_bits_are_stretched_in_colours_too(bits: int, order: str) -> None:
    low = np.round(SHARES * ((1 << bits) - 1)).astype("u2")
    for planar in (False, True):
        data = tiff_file(Page(low, planar=planar), order=order)
        _assert_shows(_sent(data, "range_stretched"), SHARES)
    packed = tiff_file(Page(low, bits=bits), order=order)
    _assert_shows(_sent(packed, "samples_converted"), SHARES)


def test_a_dark_picture_that_says_what_it_is_stays_dark() -> None:
    low = np.round(SHARES * 2000).astype("u2")
    profile = (34675, 3, [7])  # whatever it holds
    data = tiff_file(Page(low, tags=[profile]))
    assert _sent(data).max() <= 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pages_are_turned(orientation: int) -> None:
    """As Pillow turns those that it reads."""
    tags = [(274, 3, [orientation])]
    usual = _sent(tiff_file(Page(_of(SHARES, "u1"), tags=tags)))
    ours = _sent(tiff_file(Page(_of(SHARES, "u2"), planar=True, tags=tags)), "samples_converted")
    assert usual.shape == ours.shape
    assert np.abs(usual - ours).mean() < 2


def test_what_is_cut_or_cannot_be_read_is_refused() -> None:
    data = tiff_file(Page(_of(SHARES, "u2"), planar=True))
    page = next(pages(data))
    assert needs_own_reader(page)
    short = bytearray(data)
    at = data.index((279).to_bytes(2, "little") + b"\4\0")
    first = int.from_bytes(data[at + 8 : at + 12], "little")
    short[first : first + 4] = (10).to_bytes(4, "little")
    rejected = prepare_image(bytes(short), RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "truncated"
    complex_numbers = tiff_file(Page(_of(SHARES, "u2"), tags=[])).replace(
        (339).to_bytes(2, "little"), (340).to_bytes(2, "little")
    )
    assert isinstance(prepare_image(complex_numbers, RECIPE), PreparedImage)


def test_the_greatest_value_may_be_declared() -> None:
    page = next(pages(tiff_file(Page(_of(SHARES, "u2"), tags=[(281, 3, [4095] * 3)]))))
    assert declared_bits(page) == 12
    assert declared_bits(next(pages(tiff_file(Page(_of(SHARES, "u2")))))) is None
