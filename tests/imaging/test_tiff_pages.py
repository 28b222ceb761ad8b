"""Pages of a TIFF, and which of them are pictures."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.tiff_pages import pages
from tests.imaging.tiff_files import Page, tiff_file


def _page(side: int, *tags: tuple[int, int, list[int]]) -> Page:
    return Page(np.zeros((side, side, 3), np.uint8), tags=tags)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pages_come_in_the_order_of_the_file(order: str) -> None:
    data = tiff_file(_page(4), _page(9), _page(6), order=order)
    every = list(pages(data))
    assert [page.number(256, 0) for page in every] == [4, 9, 6]
    assert {page.order for page in every} == {order}
    assert every[0].numbers(258) == (8, 8, 8)
    assert every[0].numbers(999, (7,)) == (7,)


@pytest.mark.parametrize(
    ("tag", "kind", "picture"),
    [
        (254, 0, True), (254, 1, False), (254, 2, True), (254, 4, False), (254, 5, False),
        (255, 1, True), (255, 2, False), (255, 3, True),
    ],
)  # fmt: skip
def test_thumbnails_and_masks_are_no_pictures(tag: int, kind: int, picture: bool) -> None:
    page = next(pages(tiff_file(_page(4, (tag, 4, [kind])))))
    assert page.is_picture == picture


def test_a_large_file_of_another_layout_is_read_too() -> None:
    file = io.BytesIO()
    Image.new("RGB", (50, 40)).save(file, "TIFF", big_tiff=True)
    assert [page.number(256, 0) for page in pages(file.getvalue())] == [50]


def test_a_circle_of_pages_ends() -> None:
    data = bytearray(tiff_file(_page(4), _page(9)))
    first = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[first : first + 2], "little")
    link = first + 2 + 12 * entries
    data[link : link + 4] = first.to_bytes(4, "little")
    assert len(list(pages(bytes(data)))) == 1


def test_a_cut_directory_is_refused_or_ends() -> None:
    data = tiff_file(_page(4), _page(9))
    for end in range(8, len(data)):
        with contextlib.suppress(Refusal):
            assert len(list(pages(data[:end]))) < 3
