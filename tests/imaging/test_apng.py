"""Animated PNGs whose plain picture is no frame."""

from __future__ import annotations

import pytest

from pipeline.core.recipe import Frame, Recipe
from pipeline.imaging.apng import without_plain_picture
from pipeline.imaging.png_chunks import check_png
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, quarters, shown


def animation(levels: list[int], *, plain: bool, cut: int = 0) -> bytes:
    frames = [quarters(200, 160, colours=((n, n, n),) * 3 + ((n + 9,) * 3,)) for n in levels]
    frames[1:] = [frame.crop((0, 0, 200 - cut, 160)) for frame in frames[1:]]
    return encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=plain)


def level(data: bytes, frame: Frame = 0) -> tuple[int, tuple[str, ...]]:
    """Grey that is sent, in tens, and the flags."""
    prepared = prepare_image(data, Recipe(LongSide(96), frame=frame, quality=95))
    assert isinstance(prepared, PreparedImage), prepared
    return round(shown(prepared).convert("L").getpixel((2, 2)) / 10), prepared.flags


@pytest.mark.parametrize(("frame", "shows", "name"), [
    (0, 5, "first_frame"), (1, 9, "frame_1"), (9, 13, "frame_2"), ("middle", 9, "frame_1"),
])  # fmt: skip
def test_the_frames_are_those_that_move(frame: Frame, shows: int, name: str) -> None:
    data = animation([210, 50, 90, 130], plain=True)
    assert level(data, frame) == (shows, ("plain_picture_left_out", name))


def test_a_single_frame_is_shown_too() -> None:
    assert level(animation([210, 50], plain=True)) == (5, ("plain_picture_left_out",))


def test_an_animation_that_begins_with_its_plain_picture_stays_as_it_is() -> None:
    data = animation([50, 90, 130], plain=False)
    assert without_plain_picture(data) is data
    assert level(data) == (5, ("first_frame",))


def test_without_an_animation_nothing_changes() -> None:
    data = encoded(quarters(), "PNG")
    assert without_plain_picture(data) is data
    assert without_plain_picture(b"\x89PNG\r\n\x1a\n") == b"\x89PNG\r\n\x1a\n"


def test_where_frames_are_missing_or_small_the_plain_picture_is_shown() -> None:
    data = animation([210, 50, 90], plain=True)
    at = data.index(b"fcTL") - 4
    assert without_plain_picture(data[:at]) == data[:at]
    assert level(data[:at] + data[-12:])[0] == 21
    small = animation([210, 50, 90], plain=True, cut=40)
    assert without_plain_picture(small) is small


def test_every_sum_of_the_new_file_is_right() -> None:
    data = without_plain_picture(animation([210, 50, 90], plain=True))
    assert check_png(data) == (None, data)
    assert data.count(b"fcTL") == 2
