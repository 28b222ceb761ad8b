"""The right picture of several."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.recipe import Frame, Recipe
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.frames import open_frame
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, quarters, shown
from tests.imaging.tiff_files import Page, tiff_file


def _level(data: bytes, frame: Frame) -> tuple[int, tuple[str, ...]]:
    """Grey that is sent, in tens."""
    prepared = prepare_image(data, Recipe(LongSide(96), frame=frame, quality=95))
    assert isinstance(prepared, PreparedImage), prepared
    return round(shown(prepared).convert("L").getpixel((2, 2)) / 10), prepared.flags


def _animation(format: str, count: int) -> bytes:
    frames = [quarters(40, 30, colours=((10 * n + 10,) * 3,) * 4) for n in range(count)]
    return encoded(frames[0], format, save_all=True, append_images=frames[1:], lossless=True)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WebP", "TIFF"])
def test_the_frame_asked_for_is_sent(format: str) -> None:
    data = _animation(format, 5)
    assert _level(data, 0) == (1, ("first_frame",))
    assert _level(data, 3) == (4, ("frame_3",))
    assert _level(data, 99) == (5, ("frame_4",))
    assert _level(data, "middle") == (3, ("frame_2",))
    assert _level(_animation(format, 4), "middle") == (3, ("frame_2",))


def test_a_picture_alone_is_its_own_middle() -> None:
    assert _level(encoded(quarters(40, 30), "PNG"), "middle")[1] == ()


def _page(level: int, *tags: tuple[int, int, list[int]], side: int = 40, kind: str = "u1") -> Page:
    samples = np.full((side, side, 3), level, kind)
    return Page(samples * (257 if kind == "u2" else 1), planar=kind == "u2", tags=tags)


THUMBNAIL, MASK, OLD_THUMBNAIL = (254, 4, [1]), (254, 4, [4]), (255, 3, [2])


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_thumbnails_and_masks_are_passed_over(kind: str) -> None:
    first = _page(10, THUMBNAIL, side=9)
    data = tiff_file(
        first,
        _page(50, kind=kind),
        _page(255, MASK),
        _page(70, kind=kind),
        _page(90, OLD_THUMBNAIL),
    )
    assert _level(data, 0)[0] == 5
    assert "frame_1" in _level(data, 0)[1]
    assert _level(data, 1)[0] == 7
    assert _level(data, 9)[0] == 7
    assert _level(data, "middle")[0] == 7


def test_a_file_of_thumbnails_alone_shows_the_first() -> None:
    data = tiff_file(_page(30, THUMBNAIL), _page(50, THUMBNAIL))
    assert _level(data, 0) == (3, ("first_frame",))


def test_one_page_has_no_flag() -> None:
    assert _level(tiff_file(_page(30)), 0) == (3, ())


def test_a_damaged_later_page_does_not_harm_the_first() -> None:
    data = tiff_file(_page(30), _page(50))
    assert _level(data[:-40], 0) == (3, ("first_frame",))


def test_a_tiff_without_a_page_is_refused() -> None:
    with pytest.raises(Refusal, match="no page"):
        open_frame(b"II*\0" + bytes(40), "TIFF", Recipe(LongSide(96)))
