"""Layouts of samples that Pillow does not read, compared with what was written."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.tiff_pages import TiffPage, pages
from pipeline.imaging.tiff_samples import layout_of, read_samples
from tests.imaging.tiff_files import Array, Page, tiff_file

KINDS = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")


def _samples(kind: str, bands: int, shape: tuple[int, int] = (22, 37)) -> Array:
    random = np.random.default_rng(5)
    if kind[0] == "f":
        return random.normal(size=(*shape, bands)).astype(kind)
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, (*shape, bands), kind, endpoint=True)


def _page(data: bytes) -> TiffPage:
    return next(pages(data))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_in_every_arrangement(kind: str, order: str) -> None:
    for bands, planar, tile, packed in product((1, 3, 5), (False, True), (0, 16), (1, 8)):
        samples = _samples(kind, bands)
        data = tiff_file(Page(samples, planar=planar, tile=tile, packed=packed), order=order)
        assert (read_samples(data, _page(data), bands) == samples).all(), (bands, planar, tile)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_differences_are_summed(kind: str, order: str) -> None:
    predictor = 3 if kind[0] == "f" else 2
    for bands, planar, tile in product((1, 3), (False, True), (0, 16)):
        samples = _samples(kind, bands)
        page = Page(samples, planar=planar, packed=8, predictor=predictor, tile=tile)
        data = tiff_file(page, order=order)
        assert (read_samples(data, _page(data), bands) == samples).all(), (bands, planar, tile)


@pytest.mark.parametrize("bits", range(9, 16))
def test_bits_without_gaps(bits: int) -> None:
    samples = _samples("u2", 3) >> (16 - bits)
    data = tiff_file(Page(samples, bits=bits))
    assert (read_samples(data, _page(data), 3) == samples).all()


def test_only_the_bands_asked_for_are_given() -> None:
    samples = _samples("u2", 7)
    for planar in (False, True):
        data = tiff_file(Page(samples, planar=planar))
        assert (read_samples(data, _page(data), 3) == samples[..., :3]).all()


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "lzma"])
def test_libtiff_unpacks_what_we_do_not(compression: str) -> None:
    """A file that Pillow writes, whose bytes are relabelled as samples of sixteen bits."""
    import io

    from PIL import Image

    plain = _samples("u2", 1, (24, 40))
    file = io.BytesIO()
    wide = Image.fromarray(plain[..., 0].view(np.uint8))
    wide.save(file, "TIFF", compression=compression, tiffinfo={317: 1})
    data = file.getvalue()
    page = _page(data)
    page.directory[256], page.directory[258] = 40, (16,)
    assert (read_samples(data, page, 1) == plain).all()


def test_a_strip_that_is_cut_is_refused() -> None:
    for packed in (1, 8):
        data = tiff_file(Page(_samples("u2", 3), planar=True, packed=packed))
        page = _page(data)
        lengths = page.numbers(279)
        page.directory[279] = (*lengths[:-1], lengths[-1] // 2)
        with pytest.raises(Refusal) as refusal:
            read_samples(data, page, 3)
        assert refusal.value.code == "truncated"


def test_damage_inside_a_strip_is_refused() -> None:
    data = tiff_file(Page(_samples("u2", 3), planar=True, packed=8))
    page = _page(data)
    at = page.numbers(273)[0]
    with pytest.raises(Refusal) as refusal:
        read_samples(data[:at] + bytes(40) + data[at + 40 :], page, 3)
    assert refusal.value.code == "damaged"


def test_missing_strips_and_strange_layouts_are_refused() -> None:
    data = tiff_file(Page(_samples("u2", 3), planar=True))
    page = _page(data)
    page.directory[273] = page.numbers(273)[:-1]
    with pytest.raises(Refusal, match="fewer strips"):
        read_samples(data, page, 3)
    for tag, value, code in (
        (258, (8, 16, 16), "unsupported_format"),
        (258, (24, 24, 24), "unsupported_format"),
        (259, 7, "unsupported_format"),
        (339, (6, 6, 6), "unsupported_format"),
        (256, 0, "damaged"),
        (277, 0, "damaged"),
    ):
        page = _page(data)
        page.directory[tag] = value
        with pytest.raises(Refusal) as refusal:
            layout_of(page)
        assert refusal.value.code == code, tag
