"""Frames of JPEG XL animations, where the package that reads them is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.core.recipe import DEFAULT_FORMATS, EXTRA_FORMATS, Frame, Recipe
from pipeline.imaging import jxl_frames
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.jxl_frames import count_jxl_frames, jxl_frame
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, shown

FORMATS = DEFAULT_FORMATS | EXTRA_FORMATS

# of two frames of 8 x 8 pixels, as libjxl writes it; the second is darker
ANIMATED = bytes.fromhex(
    "ff0a41044d002026080401003c004b188b15805dd4ff001892ae9a40020804050038004b188b1580d5ea7f000c275a4d20"
)


@pytest.fixture(scope="module")
def codecs() -> Any:
    pytest.importorskip("pillow_jxl")
    return pytest.importorskip("imagecodecs")


def _prepared(data: bytes, frame: Frame) -> PreparedImage:
    prepared = prepare_image(data, Recipe(LongSide(96), frame=frame, quality=95, formats=FORMATS))
    assert isinstance(prepared, PreparedImage), prepared
    return prepared


def _level(data: bytes, frame: Frame) -> tuple[int, tuple[str, ...]]:
    """Grey that is sent, in tens."""
    prepared = _prepared(data, frame)
    return round(shown(prepared).convert("L").getpixel((2, 2)) / 10), prepared.flags


def _frames(count: int, kind: str = "u1", bands: int = 3) -> np.ndarray:
    """Frames of 30 x 40 whose left half has the level 10, 20 ..., and whose right half is 200."""
    frames = np.full((count, 30, 40, bands), 200, np.uint8)
    for number in range(count):
        frames[number, :, :20] = 10 * number + 10
    if bands in (2, 4):
        frames[..., -1] = 255
    return frames if kind == "u1" else frames.astype(np.uint16) * 257


@pytest.mark.parametrize("lossless", [True, False])
def test_the_frame_asked_for_is_sent(codecs: Any, lossless: bool) -> None:
    data = codecs.jpegxl_encode(_frames(5), lossless=lossless, **{} if lossless else {"level": 99})
    assert count_jxl_frames(data) == 5
    assert _level(data, 0) == (1, ("first_frame",))
    assert _level(data, 3) == (4, ("frame_3",))
    assert _level(data, 4) == (5, ("frame_4",))
    assert _level(data, 99) == (5, ("frame_4",))
    assert _level(data, "middle") == (3, ("frame_2",))


@pytest.mark.usefixtures("codecs")
def test_an_animation_of_two_frames() -> None:
    assert _level(ANIMATED, 0) == (20, ("first_frame",))
    assert _level(ANIMATED, "middle") == (4, ("frame_1",))


def test_frames_with_transparency_show_the_background(codecs: Any) -> None:
    frames = _frames(3, bands=4)
    frames[1, :, :20, 3] = 0
    assert _level(codecs.jpegxl_encode(frames, lossless=True), 1) == (26, ("frame_1",))


def test_the_first_frame_that_shows_something_is_sent(codecs: Any) -> None:
    frames = _frames(4)
    frames[:2] = 0
    data = codecs.jpegxl_encode(frames, lossless=True)
    assert _level(data, 0) == (3, ("frame_2",))
    assert _level(data, 1) == (0, ("frame_1",))


def test_every_frame_has_the_colours_of_the_last_one(codecs: Any) -> None:
    """Samples of sixteen bits are linear ones for this encoder; the last comes from the plugin."""
    frames = np.repeat(_frames(1, "u2"), 2, axis=0)
    data = codecs.jpegxl_encode(frames, lossless=True)
    first, last = (_prepared(data, frame) for frame in (0, 1))
    assert first.flags == ("first_frame", "icc_converted")
    assert last.flags == ("frame_1", "icc_converted")
    difference = np.asarray(shown(first), int) - np.asarray(shown(last), int)
    assert np.abs(difference).max() <= 3


def test_a_cut_animation_is_refused_whichever_frame_is_asked_for(codecs: Any) -> None:
    data = codecs.jpegxl_encode(_frames(5), lossless=True)
    for length in range(60, len(data), 7):
        rejected = prepare_image(data[:length], Recipe(LongSide(96), formats=FORMATS))
        assert isinstance(rejected, RejectedImage), length


class _Library:
    """Reader that gives frames of another shape, and no shape in its error."""

    @staticmethod
    def jpegxl_decode(data: bytes, **options: Any) -> np.ndarray:
        del data
        if "out" in options:
            raise ValueError("too small")
        return np.zeros((9, 9, 3), np.uint8)


def test_what_the_reader_does_not_say_or_gives_wrongly_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jxl_frames, "_library", _Library)
    with pytest.raises(Refusal, match="cannot be counted"):
        count_jxl_frames(b"")
    with pytest.raises(Refusal, match="shape"):
        jxl_frame(b"", 0, Image.new("RGB", (8, 8)))
