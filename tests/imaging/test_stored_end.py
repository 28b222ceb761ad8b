"""Files that go on behind their end."""

from __future__ import annotations

import random

import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.stored_end import goes_on
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo
from tests.imaging.packed_files import psd, sgi, sun
from tests.imaging.samples import all_samples

RECIPE = Recipe(LongSide(96))
PHOTO = photo(160, 120)
WITH_ALPHA = PHOTO.convert("RGBA")


def _animation() -> bytes:
    return encoded(PHOTO, "GIF", save_all=True, append_images=[PHOTO.rotate(180)])


FILES = {
    "WebP": ("WebP", encoded(PHOTO, "WEBP")),
    "WebP without loss": ("WebP", encoded(PHOTO, "WEBP", lossless=True)),
    "AVIF": ("AVIF", encoded(PHOTO, "AVIF")),
    "HEIC": ("HEIC", encoded(PHOTO, "HEIF")),
    "JPEG 2000": ("JPEG 2000", encoded(PHOTO, "JPEG2000")),
    "PPM": ("PNM", encoded(PHOTO, "PPM")),
    "PGM": ("PNM", encoded(PHOTO.convert("L"), "PPM")),
    "PBM": ("PNM", encoded(PHOTO.convert("1"), "PPM")),
    "BMP": ("BMP", encoded(PHOTO, "BMP")),
    "BMP with a palette": ("BMP", encoded(PHOTO.quantize(64), "BMP")),
    "TGA": ("TGA", encoded(PHOTO, "TGA")),
    "TGA with a palette": ("TGA", encoded(PHOTO.quantize(64), "TGA")),
    "PSD": ("PSD", psd(PHOTO)),
    "packed PSD": ("PSD", psd(PHOTO, packed=True)),
    "SGI": ("SGI", encoded(PHOTO, "SGI")),
    "packed SGI": ("SGI", sgi(PHOTO)),
    "Sun raster": ("Sun raster", sun(PHOTO)),
    "packed Sun raster": ("Sun raster", sun(PHOTO, packed=True)),
    "DDS": ("DDS", encoded(PHOTO, "DDS")),
    "DXT1": ("DDS", encoded(WITH_ALPHA, "DDS", pixel_format="DXT1")),
    "DXT5": ("DDS", encoded(WITH_ALPHA, "DDS", pixel_format="DXT5")),
    "BC5": ("DDS", encoded(PHOTO, "DDS", pixel_format="BC5")),
    "BLP": ("BLP", encoded(PHOTO.quantize(64), "BLP")),
    "ICO": ("ICO", encoded(WITH_ALPHA, "ICO", sizes=[(160, 120)], bitmap_format="bmp")),
    "ICO with PNG": ("ICO", encoded(WITH_ALPHA, "ICO", sizes=[(160, 120), (32, 24)])),
    "ICNS": ("ICNS", encoded(PHOTO.resize((128, 128)), "ICNS")),
}


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_ends_where_it_says(name: str) -> None:
    format, data = FILES[name]
    assert not goes_on(data, format)
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage), prepared
    assert (prepared.source_format, prepared.flags) == (format, ())


@pytest.mark.parametrize("name", FILES)
def test_bytes_that_came_into_a_file_are_flagged_or_refused(name: str) -> None:
    _, data = FILES[name]
    chance = random.Random(name)
    for _ in range(12):
        at = chance.randrange(len(data) // 2, len(data))
        prepared = prepare_image(data[:at] + chance.randbytes(1000) + data[at:], RECIPE)
        if isinstance(prepared, PreparedImage):
            assert "length_differs" in prepared.flags, at


def test_every_sample_ends_where_it_says() -> None:
    for sample in all_samples():
        assert not goes_on(sample.data, sample.format), sample.name


@pytest.mark.parametrize("behind", [b"", b"\n", b"\n\n", encoded(PHOTO, "PPM"), b"\nP5 1 1 255 x"])
def test_what_may_follow_a_pnm(behind: bytes) -> None:
    """A file may hold one picture after another."""
    assert not goes_on(encoded(PHOTO, "PPM") + behind, "PNM")
    assert not goes_on(b"P3 1 1 255 1 2 3 " + behind, "PNM"), "of decimal numbers"


def test_comments_in_a_pnm_count_as_spaces() -> None:
    data = b"P6 #wide\n2\n#high\n1 # most\n255\nabcdef"
    assert not goes_on(data, "PNM")
    assert goes_on(data + b"g", "PNM")
    assert goes_on(b"P5 2 1 65535 abcde", "PNM")


def test_pixels_of_a_gif_that_end_in_its_middle() -> None:
    for data in (encoded(PHOTO, "GIF"), _animation()):
        assert not goes_on(data, "GIF")
        assert not goes_on(data[:-1], "GIF"), "many lack their trailer"
        assert not goes_on(data[:-1] + b"\0\0;", "GIF"), "some end their pixels twice"
        chance = random.Random(4)
        for _ in range(30):
            at = chance.randrange(900, len(encoded(PHOTO, "GIF")) - 300)
            prepared = prepare_image(data[:at] + chance.randbytes(300) + data[at:], RECIPE)
            assert isinstance(prepared, RejectedImage) or "length_differs" in prepared.flags, at


def test_other_rows_than_the_file_has() -> None:
    """A size in a header that lost a bit."""
    bitmap = bytearray(encoded(PHOTO, "BMP"))
    bitmap[22] -= 8
    assert goes_on(bytes(bitmap), "BMP")
    icon = bytearray(FILES["ICO"][1])
    icon[30] -= 16
    assert goes_on(bytes(icon), "ICO")


def test_mipmaps_and_faces_belong_to_a_texture() -> None:
    data = bytearray(encoded(PHOTO, "DDS"))
    data[28] = 2
    data += bytes(80 * 60 * 3)
    assert not goes_on(bytes(data), "DDS")
    assert goes_on(bytes(data) + b"\0", "DDS")
    data[113] = 0xFE  # a cube
    assert not goes_on(bytes(data) + bytes(5 * (160 * 120 + 80 * 60) * 3), "DDS")


def test_formats_and_headers_that_do_not_say() -> None:
    assert not goes_on(encoded(PHOTO, "PNG") + b"x", "PNG")
    assert not goes_on(encoded(PHOTO, "TGA", compression="tga_rle") + b"x", "TGA")
    assert not goes_on(encoded(Image.new("L", (9, 9)), "JPEG2000", no_jp2=True) + b"x", "JPEG 2000")


def test_pixels_of_a_bmp_that_begin_in_its_header_or_colours() -> None:
    bitmap = bytearray(encoded(PHOTO.quantize(64), "BMP"))
    bitmap[10:14] = (200).to_bytes(4, "little")
    assert goes_on(bytes(bitmap), "BMP")
    bitmap[10:14] = (38).to_bytes(4, "little")
    rejected = prepare_image(bytes(bitmap), RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "damaged"
    assert "within its header" in rejected.rejection.detail


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_a_tiff_goes_on_behind_its_last_part(compression: str) -> None:
    data = encoded(PHOTO, "TIFF", compression=compression)
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()
    assert not goes_on(data + b"\0", "TIFF"), "padding to an even length"
    assert goes_on(data + b"\0\0", "TIFF")
    for at in (300, len(data) // 2, len(data) - 20):
        prepared = prepare_image(data[:at] + b"ab" + data[at:], RECIPE)
        assert isinstance(prepared, RejectedImage) or "length_differs" in prepared.flags, at
