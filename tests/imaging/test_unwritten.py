"""Ends and blocks of a file that were never written."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo
from tests.imaging.samples import all_samples

RECIPE = Recipe(LongSide(96))
PHOTO = photo(157, 118)


def _plain() -> Iterator[tuple[str, bytes]]:
    """One file of each format that stores samples plainly, or nearly so."""
    for format in ("BMP", "TIFF", "PPM", "TGA", "SGI", "PCX"):
        yield format, encoded(PHOTO, format)
    yield "grey BMP", encoded(PHOTO.convert("L"), "BMP")
    yield "palette BMP", encoded(PHOTO.quantize(64), "BMP")
    yield "DDS", encoded(PHOTO.convert("RGBA"), "DDS")
    yield "DXT1", encoded(PHOTO.crop((0, 0, 156, 116)), "DDS", pixel_format="DXT1")
    yield "icon", encoded(PHOTO.resize((64, 64)), "ICO", bitmap_format="bmp", sizes=[(64, 64)])


@pytest.mark.parametrize(("name", "data"), list(_plain()))
@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_plain_samples_that_break_off_are_flagged(name: str, data: bytes, fill: bytes) -> None:
    intact = prepare_image(data, RECIPE)
    assert isinstance(intact, PreparedImage)
    assert intact.flags == ()
    for length in (len(data) // 7, len(data) // 3):
        prepared = prepare_image(data[:-length] + fill * length, RECIPE)
        if isinstance(prepared, PreparedImage):
            assert "uniform_tail" in prepared.flags, (name, length)


def _bordered(image: Image.Image) -> Image.Image:
    image.paste((0, 0, 0), (0, 90, 157, 118))
    image.paste((0, 0, 0), (0, 0, 157, 20))
    return image


def _vignette(image: Image.Image) -> Image.Image:
    rows, columns = np.mgrid[-1:1:118j, -1:1:157j]
    weight = np.clip(1.4 - 1.2 * np.hypot(rows, columns), 0, 1)[..., None]
    return Image.fromarray((np.asarray(image) * weight).astype(np.uint8))


def _slanted(image: Image.Image) -> Image.Image:
    return image.rotate(7, fillcolor=(255, 255, 255))


def _half(image: Image.Image) -> Image.Image:
    image.paste((255, 255, 255), (80, 0, 157, 118))
    return image


@pytest.mark.parametrize("change", [_bordered, _vignette, _slanted, _half])
def test_borders_nights_and_pages_are_not_flagged(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    for format in ("BMP", "TIFF", "PPM", "TGA"):
        prepared = prepare_image(encoded(change(PHOTO.copy()), format), RECIPE)
        assert isinstance(prepared, PreparedImage)
        assert prepared.flags == (), format


def test_no_sample_is_flagged() -> None:
    for sample in all_samples():
        prepared = prepare_image(sample.data, RECIPE)
        assert isinstance(prepared, PreparedImage)
        assert not {"uniform_tail", "zero_block"} & set(prepared.flags), sample.name


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("WEBP", {"quality": 90}), ("WEBP", {"lossless": True}), ("AVIF", {}), ("HEIF", {}),
        ("GIF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "packbits"}),
        ("TIFF", {"compression": "tiff_deflate"}), ("TIFF", {"compression": "jpeg"}),
        ("JPEG2000", {}), ("QOI", {}), ("JPEG", {}), ("PNG", {}),
    ],
)  # fmt: skip
def test_a_lost_block_is_refused_or_flagged(format: str, options: dict[str, object]) -> None:
    image = photo(400, 300)
    file = io.BytesIO()
    image.save(file, format, **options)
    data = file.getvalue()
    intact = prepare_image(data, RECIPE)
    assert isinstance(intact, PreparedImage)
    silent = 0
    for at in range(1024, len(data) - 1024, max(len(data) // 20 // 512 * 512, 512)):
        prepared = prepare_image(data[:at] + bytes(512) + data[at + 512 :], RECIPE)
        silent += isinstance(prepared, PreparedImage) and prepared.flags == intact.flags
    assert silent == 0


def test_the_last_bytes_of_a_webp_are_those_of_its_pixels() -> None:
    """Not those of the texts behind them."""
    data = encoded(photo(), "WEBP", exif=bytes(200))
    prepared = prepare_image(data, RECIPE)
    assert not isinstance(prepared, RejectedImage)
    assert prepared.flags == ()


@pytest.mark.parametrize("format", ["BMP", "TIFF", "PPM", "TGA", "SGI"])
def test_plain_colours_of_nothing_but_zeros_are_flagged(format: str) -> None:
    black = prepare_image(encoded(Image.new("RGB", (64, 48)), format), RECIPE)
    assert isinstance(black, PreparedImage)
    assert "uniform_tail" in black.flags
    grey = prepare_image(encoded(Image.new("RGB", (64, 48), (1, 1, 1)), format), RECIPE)
    assert isinstance(grey, PreparedImage)
    assert grey.flags == ()


@pytest.mark.parametrize("format", ["BMP", "TIFF", "PPM", "TGA", "SGI"])
@pytest.mark.parametrize("pages", [1, 3])
def test_lost_pages_of_plain_samples_are_flagged(format: str, pages: int) -> None:
    image = Image.fromarray(np.asarray(PHOTO) | 1)  # no sample of it is 0
    data = encoded(image, format)
    start, end = 3 * 4096, (3 + pages) * 4096
    lost = prepare_image(data[:start] + bytes(end - start) + data[end:], RECIPE)
    assert isinstance(lost, PreparedImage)
    assert "zero_block" in lost.flags
    black = prepare_image(data[: start + 9] + bytes(end - start) + data[end + 9 :], RECIPE)
    assert isinstance(black, PreparedImage)
    assert "zero_block" not in black.flags, "a black area that lies as it likes"


@pytest.mark.parametrize(("change", "flagged"), [(b"", False), (b"x", True), (None, True)])
def test_a_bmp_of_another_length_than_it_says_is_flagged(
    change: bytes | None, flagged: bool
) -> None:
    data = encoded(photo(97, 83).quantize(64), "BMP")
    at = len(data) // 2
    harmed = data[:at] + data[at + 1 :] if change is None else data[:at] + change + data[at:]
    prepared = prepare_image(harmed, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert ("length_differs" in prepared.flags) == flagged
    without = data[:2] + bytes(4) + harmed[6:]
    prepared = prepare_image(without, RECIPE)
    assert isinstance(prepared, PreparedImage)
    says = "length_differs" in prepared.flags
    assert says == (change is None), "it says nothing, but a byte of its last row is missing"
