"""JPEG XL: its pixels through the plugin when that is installed."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from pipeline.core.recipe import Frame, ImageLimits, Recipe
from pipeline.imaging import memory
from pipeline.imaging.jxl import JxlDecoder
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import GREYS, QUARTERS, LongSide, assert_shows, encoded, quarters
from tests.imaging.test_jxl_frames import ANIMATED
from tests.imaging.test_jxl_header import stream

JXL = frozenset({"JPEG XL"})
RECIPE = Recipe(LongSide(96), formats=JXL)


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    """The plugin, which registers its encoder when it is imported."""
    return pytest.importorskip("pillow_jxl")


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
def test_without_the_reader_of_frames_the_last_one_is_sent_and_says_so() -> None:
    prepared = assert_shows(prepare_image(ANIMATED, RECIPE), ((40, 40, 40),) * 4)
    assert prepared.flags == ("last_frame",)


@pytest.mark.parametrize("frame", [1, "middle"])
def test_without_the_reader_of_frames_no_other_one_is_sent(frame: Frame) -> None:
    rejection = _rejected(ANIMATED, Recipe(LongSide(96), formats=JXL, frame=frame)).rejection
    assert rejection.code == "unsupported_format"
    assert "imagecodecs" in rejection.detail
    assert 'pip install "captionmill[formats]"' in rejection.detail


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
