"""Previews of RAW files: a small DNG made by hand, read by LibRaw when that is installed."""

from __future__ import annotations

import struct
import sys
import warnings
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipeline.core.recipe import ImageLimits, Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.raw import RawDecoder
from pipeline.imaging.sniff import sniff
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import LongSide, assert_shows, encoded, photo, quarters

RECIPE = Recipe(LongSide(96), formats=frozenset({"RAW"}))
_TRANSPOSE = Image.Transpose
# how an upright picture is stored for each EXIF orientation
STORED = {
    1: None,
    2: _TRANSPOSE.FLIP_LEFT_RIGHT,
    3: _TRANSPOSE.ROTATE_180,
    4: _TRANSPOSE.FLIP_TOP_BOTTOM,
    5: _TRANSPOSE.TRANSPOSE,
    6: _TRANSPOSE.ROTATE_90,
    7: _TRANSPOSE.TRANSVERSE,
    8: _TRANSPOSE.ROTATE_270,
}
FLIPS = {1: 0, 2: 1, 3: 3, 4: 2, 5: 4, 6: 6, 7: 7, 8: 5}  # LibRaw's numbers for them

_Entry = tuple[int, int, int, bytes]


def _entry(tag: int, kind: int, *values: int) -> _Entry:
    letters = {1: "B", 3: "H", 4: "I", 5: "I", 10: "i"}[kind]
    count = len(values) // (2 if kind in (5, 10) else 1)
    return tag, kind, count, struct.pack(f"<{len(values)}{letters}", *values)


def _text(tag: int, words: bytes) -> _Entry:
    return tag, 2, len(words) + 1, words + b"\0"


def _directory(start: int, entries: list[_Entry]) -> bytes:
    head, extra = struct.pack("<H", len(entries)), b""
    extra_at = start + 2 + 12 * len(entries) + 4
    for tag, kind, count, data in sorted(entries):
        if len(data) > 4:
            head += struct.pack("<HHII", tag, kind, count, extra_at + len(extra))
            extra += data + bytes(len(data) % 2)
        else:
            head += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
    return head + bytes(4) + extra


def _pixels_of(size: tuple[int, int], at: int, length: int, *special: _Entry) -> list[_Entry]:
    """The entries that every picture has: size, place and length."""
    width, height = size
    return [
        _entry(256, 4, width), _entry(257, 4, height), _entry(273, 4, at),
        _entry(278, 4, height), _entry(279, 4, length), *special,
    ]  # fmt: skip


def dng(preview: bytes, orientation: int = 1, *how: _Entry) -> bytes:
    """A DNG of 64 x 48 sensor pixels whose first directory holds `preview`, or none if empty.

    `how` are the entries that say how the preview is packed; a JPEG of 160 x 120 by default.
    """
    sensor = struct.pack("<H", 1000) * (64 * 48)
    preview_at, sensor_at = 8, 8 + len(preview) + len(preview) % 2
    sub_at = sensor_at + len(sensor)
    sub = _directory(
        sub_at,
        _pixels_of(
            (64, 48), sensor_at, len(sensor), _entry(254, 4, 0), _entry(258, 3, 16),
            _entry(259, 3, 1), _entry(262, 3, 32803), _entry(277, 3, 1), _entry(33421, 3, 2, 2),
            _entry(33422, 1, 0, 1, 1, 2), _entry(50714, 3, 0), _entry(50717, 4, 65535),
        ),
    )  # fmt: skip
    unit = (1, 1, 0, 1, 0, 1)
    camera = [
        _entry(254, 4, 1), _text(271, b"Test"), _text(272, b"One"), _entry(274, 3, orientation),
        _entry(330, 4, sub_at), _entry(50706, 1, 1, 4, 0, 0), _text(50708, b"Test One"),
        _entry(50721, 10, *unit, 0, 1, *unit[:4], 0, 1, 0, 1, 1, 1),
        _entry(50728, 5, 1, 1, 1, 1, 1, 1), _entry(50778, 3, 21),
    ]  # fmt: skip
    packing = how or (_entry(259, 3, 7), _entry(262, 3, 6))
    if preview:
        more = (_entry(258, 3, 8, 8, 8), _entry(277, 3, 3), *packing)
        camera += _pixels_of((160, 120), preview_at, len(preview), *more)
    body = preview + bytes(len(preview) % 2) + sensor + sub
    return struct.pack("<4sI", b"II*\0", 8 + len(body)) + body + _directory(8 + len(body), camera)


def stored(orientation: int) -> Image.Image:
    step = STORED[orientation]
    return quarters() if step is None else quarters().transpose(step)


def jpeg(orientation: int = 1, exif: bytes = b"") -> bytes:
    data = encoded(stored(orientation), "JPEG", quality=90)
    return builders.with_segments(data, builders.jpeg_segment(0xE1, exif)) if exif else data


def rejected(data: bytes, recipe: Recipe = RECIPE) -> RejectedImage:
    found = prepare_image(data, recipe)
    assert isinstance(found, RejectedImage)
    return found


@pytest.fixture
def library() -> ModuleType:
    """LibRaw, or the test is skipped."""
    return pytest.importorskip("rawpy")


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stand-in for LibRaw that says what its attributes are set to."""
    fake = SimpleNamespace(preview=b"", flip=0, LibRawError=OSError)

    class Raw:
        sizes = fake

        def __enter__(self) -> Raw:
            return self

        def __exit__(self, *problem: object) -> None:
            pass

        def extract_thumb(self) -> SimpleNamespace:
            return SimpleNamespace(data=fake.preview)

    fake.imread = lambda _: Raw()
    monkeypatch.setitem(sys.modules, "rawpy", fake)
    return fake


def test_the_sample_is_recognised() -> None:
    assert sniff(dng(jpeg())) == "RAW"


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("orientation", STORED)
def test_a_preview_is_turned_once(orientation: int) -> None:
    prepared = assert_shows(prepare_image(dng(jpeg(orientation), orientation), RECIPE))
    assert prepared.source_format == "RAW"
    assert prepared.flags == ("raw_preview",)
    assert (prepared.source_width, prepared.source_height) == (160, 120)
    assert (prepared.width, prepared.height) == (96, 72)


@pytest.mark.usefixtures("library")
def test_what_the_preview_itself_says_comes_first() -> None:
    exif = b"Exif\0\0" + builders.exif(1)
    assert_shows(prepare_image(dng(jpeg(1, exif), 6), RECIPE))


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_preview_without_compression(orientation: int) -> None:
    pixels = np.asarray(quarters()).tobytes()
    how = (_entry(259, 3, 1), _entry(262, 3, 2))
    prepared = prepare_image(dng(pixels, orientation, *how), RECIPE)
    assert isinstance(prepared, PreparedImage)
    upright = (160, 120) if orientation == 1 else (120, 160)
    assert (prepared.source_width, prepared.source_height) == upright
    assert prepared.flags == ("raw_preview",)
    if orientation == 1:
        assert_shows(prepared)


@pytest.mark.usefixtures("library")
def test_without_a_preview_nothing_is_developed() -> None:
    rejection = rejected(dng(b"")).rejection
    assert rejection.code == "unsupported_format"
    assert "it holds no preview" in rejection.detail


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    "data", [b"II*\0\x10\0\0\0CR\2\0" + bytes(50), b"FUJIFILMCCD-RAW 0201" + bytes(50)]
)
def test_what_libraw_does_not_know(data: bytes) -> None:
    rejection = rejected(data).rejection
    assert rejection.code in ("unsupported_format", "truncated")
    assert "b'" not in rejection.detail


@pytest.mark.usefixtures("library")
def test_damage_is_a_reason_and_never_a_crash() -> None:
    data = dng(encoded(photo(), "JPEG", quality=90))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codes = {
            rejected(data[:length]).rejection.code for length in range(8, len(data) - 400, 997)
        }
        for at in range(len(data) - 400, len(data), 3):
            prepare_image(data[:at] + b"\xff" + data[at + 1 :], RECIPE)
    assert codes <= {"unsupported_format", "truncated", "damaged", "not_an_image"}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("on_damage", "flags"), [("accept", True), ("reject", False)])
def test_a_damaged_preview_is_as_any_damaged_jpeg(on_damage: str, flags: bool) -> None:
    preview = encoded(photo(), "JPEG", quality=90)
    recipe = Recipe(LongSide(96), on_damage=on_damage, formats=frozenset({"RAW"}))
    prepared = prepare_image(dng(preview[: len(preview) * 2 // 3]), recipe)
    assert isinstance(prepared, PreparedImage) == flags
    if isinstance(prepared, PreparedImage):
        assert prepared.flags[0] == "raw_preview"
        assert prepared.flags[1].endswith("_accepted")


@pytest.mark.usefixtures("library")
def test_caps_are_about_the_preview() -> None:
    caps = ImageLimits(max_side=159)
    found = rejected(dng(jpeg()), Recipe(LongSide(96), caps=caps, formats=frozenset({"RAW"})))
    assert found.rejection.code == "too_long_side"
    assert (found.source_width, found.source_height) == (160, 120)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("bitmap", [False, True])
def test_each_flip_of_libraw(camera: SimpleNamespace, orientation: int, bitmap: bool) -> None:
    camera.preview = np.asarray(stored(orientation)) if bitmap else jpeg(orientation)
    camera.flip = FLIPS[orientation]
    assert_shows(prepare_image(dng(b""), RECIPE))


def test_a_preview_without_a_word_on_its_orientation(camera: SimpleNamespace) -> None:
    camera.flip = 6
    camera.preview = jpeg(6, b"Exif\0\0" + builders.exif(0))
    assert_shows(prepare_image(dng(b""), RECIPE))


def test_grey_previews(camera: SimpleNamespace) -> None:
    camera.preview = np.full((20, 30, 1), 90, np.uint8)
    assert_shows(prepare_image(dng(b""), RECIPE), ((90, 90, 90),) * 4)
    camera.preview = np.full((20, 30, 3), 90, np.uint16)
    assert "more than eight bits" in rejected(dng(b"")).rejection.detail


def test_what_libraw_says_is_put_into_words(camera: SimpleNamespace) -> None:
    def imread(_: object) -> None:
        raise OSError(b"Something unheard of")

    camera.imread = imread
    rejection = rejected(dng(b"")).rejection
    assert rejection.code == "damaged"
    assert rejection.detail.endswith(": Something unheard of")


def test_a_preview_of_unknown_turn_is_not_turned(camera: SimpleNamespace) -> None:
    camera.preview, camera.flip = jpeg(), -1
    assert RawDecoder(b"", RECIPE).orientation == 1
