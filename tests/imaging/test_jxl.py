"""JPEG XL: its header by hand, its pixels through the plugin when that is installed."""

from __future__ import annotations

import contextlib
import struct
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.recipe import ImageLimits, Recipe
from pipeline.imaging import memory
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.jxl import JxlDecoder, JxlHeader, read_jxl_header
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import GREYS, QUARTERS, LongSide, assert_shows, encoded, quarters

JXL = frozenset({"JPEG XL"})
RECIPE = Recipe(LongSide(96), formats=JXL)
# of two frames of 8 x 8 pixels, as libjxl writes it; the second is darker
ANIMATED = bytes.fromhex(
    "ff0a41044d002026080401003c004b188b15805dd4ff001892ae9a40020804050038004b188b1580d5ea7f000c275a4d20"
)


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    """The plugin, which registers its encoder when it is imported."""
    return pytest.importorskip("pillow_jxl")


def stream(*fields: tuple[int, int]) -> bytes:
    """A codestream that begins with these (value, bits)."""
    value = at = 0
    for field, bits in fields:
        value |= field << at
        at += bits
    return b"\xff\x0a" + value.to_bytes(-(-at // 8) + 8, "little")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


START = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
WIDE = ((0, 1), (0, 2), (99, 9), (7, 3), (0, 1))  # 200 x 100: the ratio 2 : 1; metadata follow


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        (((1, 1), (4, 5), (1, 3), (1, 1)), (40, 40, False)),
        (((1, 1), (4, 5), (0, 3), (1, 5), (1, 1)), (16, 40, False)),
        (((0, 1), (2, 2), (99_999, 18), (0, 3), (0, 2), (6, 9), (1, 1)), (7, 100_000, False)),
        (((0, 1), (0, 2), (119, 9), (3, 3), (1, 1)), (160, 120, False)),
        (((0, 1), (0, 2), (119, 9), (2, 3), (1, 1)), (144, 120, False)),
        ((*WIDE, (0, 1)), (200, 100, False)),
        ((*WIDE, (1, 1), (0, 3), (0, 3)), (200, 100, False)),
        ((*WIDE, (1, 1), (5, 3), (0, 3)), (100, 200, False)),
        ((*WIDE, (1, 1), (2, 3), (0, 2), (1, 1)), (200, 100, True)),
        ((*WIDE, (1, 1), (0, 3), (1, 1), *WIDE[:4], (0, 1), (1, 1)), (200, 100, True)),
    ],
)
def test_sizes_turns_and_animations(
    fields: tuple[tuple[int, int], ...], header: tuple[int, int, bool]
) -> None:
    bare = stream(*fields)
    expected = JxlHeader(*header)
    assert read_jxl_header(bare) == expected
    assert read_jxl_header(START + box(b"Exif", bytes(9)) + box(b"jxlc", bare)) == expected
    parts = box(b"jxlp", bytes(4) + bare[:3]) + box(b"jxlp", b"\x80\0\0\1" + bare[3:])
    assert read_jxl_header(START + parts) == expected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\x0a", "truncated"),
        (b"\xff\x0a\0", "truncated"),
        (START, "damaged"),
        (START + box(b"jxlc", b"no codestream"), "damaged"),
        (START + b"\0\0\0\3jxlc", "damaged"),
    ],
)
def test_no_header(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_jxl_header(data)
    assert refusal.value.code == code


@given(st.binary(max_size=100))
def test_any_bytes_give_a_header_or_a_refusal(data: bytes) -> None:
    for start in (b"", b"\xff\x0a", START, START + b"\0\0\0\0jxlc\xff\x0a"):
        with contextlib.suppress(Refusal):
            header = read_jxl_header(start + data)
            assert min(header.width, header.height) > 0


def _rejected(data: bytes, recipe: Recipe = RECIPE) -> RejectedImage:
    rejected = prepare_image(data, recipe)
    assert isinstance(rejected, RejectedImage)
    return rejected


def test_caps_hold_before_the_plugin_is_asked() -> None:
    huge = stream((0, 1), (2, 2), (99_999, 18), (0, 3), (2, 2), (99_999, 18), (1, 1))
    rejected = _rejected(huge)
    assert rejected.rejection.code == "too_many_pixels"
    assert (rejected.source_width, rejected.source_height) == (100_000, 100_000)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_modes(mode: str, lossless: bool, container: bool) -> None:
    colours = GREYS if mode in ("L", "LA") else QUARTERS
    image = quarters(colours=colours).convert(mode)
    data = encoded(image, "JXL", lossless=lossless, use_container=container)
    prepared = assert_shows(prepare_image(data, RECIPE), colours)
    assert prepared.source_format == "JPEG XL"
    assert prepared.flags == ()
    assert (prepared.source_width, prepared.source_height) == (160, 120)
    assert (prepared.width, prepared.height) == (96, 72)


@pytest.mark.usefixtures("plugin")
def test_transparent_parts_show_the_background() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    recipe = Recipe(LongSide(40), background=(10, 200, 30), formats=JXL)
    assert_shows(prepare_image(encoded(clear, "JXL", lossless=True), recipe), ((10, 200, 30),) * 4)


@pytest.mark.usefixtures("plugin")
def test_sixteen_bits() -> None:
    """The encoder takes samples of sixteen bits for linear ones, and says so in the file."""
    bright = tuple((g, g, g) for g in (240, 170, 130, 90))
    grey = np.asarray(quarters(colours=bright))[..., 0] / 255
    linear = np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4)
    deep = Image.fromarray(np.round(linear * 65535).astype(np.uint16))
    prepared = assert_shows(prepare_image(encoded(deep, "JXL", lossless=True), RECIPE), bright)
    assert prepared.flags == ("icc_converted",)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_packed_jpeg_is_turned_once(tmp_path: Path, orientation: int) -> None:
    """The encoder puts the JPEG's orientation into the codestream, and keeps its EXIF as well."""
    stored = quarters()
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    turn[8] = Image.Transpose.ROTATE_270
    if orientation in turn:
        stored = stored.transpose(turn[orientation])
    path = tmp_path / "p.jpg"
    exif = b"Exif\0\0" + builders.exif(orientation)
    stored.save(path, quality=90, exif=exif)
    with Image.open(path) as image:
        data = encoded(image, "JXL", lossless_jpeg=True)
    assert b"jbrd" in data
    prepared = assert_shows(prepare_image(data, RECIPE))
    assert (prepared.source_width, prepared.source_height) == (160, 120)


@pytest.mark.usefixtures("plugin")
def test_exif_beside_the_codestream_turns_nothing() -> None:
    data = encoded(quarters(), "JXL", exif=builders.exif(6), use_container=True)
    assert b"Exif" in data
    assert_shows(prepare_image(data, RECIPE))


@pytest.mark.usefixtures("plugin")
def test_an_animation_shows_its_last_frame_and_says_so() -> None:
    prepared = assert_shows(prepare_image(ANIMATED, RECIPE), ((40, 40, 40),) * 4)
    assert prepared.flags == ("last_frame",)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("on_damage", ["reject", "accept"])
@pytest.mark.parametrize("container", [False, True])
def test_cut_files(container: bool, on_damage: str) -> None:
    data = encoded(quarters(), "JXL", use_container=container)
    recipe = Recipe(LongSide(96), on_damage=on_damage, formats=JXL)
    for share in (0.4, 0.7, 0.95):
        rejection = _rejected(data[: int(len(data) * share)], recipe).rejection
        assert rejection.code == ("truncated" if container else "damaged")
        assert "libjxl does not say" in rejection.detail


@pytest.mark.usefixtures("plugin")
def test_damaged_files_are_prepared_or_refused() -> None:
    data = encoded(quarters(), "JXL")
    codes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for at in range(2, len(data), 7):
            broken = data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :]
            prepared = prepare_image(
                broken, Recipe(LongSide(96), caps=ImageLimits(max_side=999), formats=JXL)
            )
            if isinstance(prepared, RejectedImage):
                codes.add(prepared.rejection.code)
            else:
                assert isinstance(prepared, PreparedImage)
    assert "damaged" in codes
    assert codes <= {"damaged", "truncated", "too_long_side", "unsupported_format"}


def test_one_thread_decodes(plugin: ModuleType) -> None:
    JxlDecoder(encoded(quarters(), "JXL"), RECIPE).render(16, 12)
    assert plugin.JpegXLImagePlugin.DECODE_THREADS == 0


@pytest.mark.usefixtures("plugin")
def test_a_picture_for_which_there_is_no_memory_is_refused_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A panic in Rust would end the worker."""
    data = encoded(quarters(), "JXL")
    monkeypatch.setattr(memory, "_left", lambda: 8 * 160 * 120 - 1)
    rejected = prepare_image(data, RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "out_of_memory"
    monkeypatch.setattr(memory, "_left", lambda: 8 * 160 * 120)
    assert isinstance(prepare_image(data, RECIPE), PreparedImage)
