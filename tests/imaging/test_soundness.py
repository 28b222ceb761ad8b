"""What a file says about its own completeness."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.soundness import is_cut_short, unknown_compression
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import LongSide, encoded, photo

RECIPE = Recipe(LongSide(96))
PNG = encoded(photo(), "PNG")


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "HEIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_cut_files_are_called_truncated(format: str, share: float) -> None:
    import tests.imaging.samples  # noqa: F401 (registers HEIC)

    data = encoded(photo(), format)
    rejected = prepare_image(data[: int(len(data) * share)], RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "truncated", rejected


def test_only_what_announces_an_end_is_judged() -> None:
    webp = encoded(photo(), "WEBP")
    tiff = builders.tiff(np.asarray(photo()), 2)
    for data, format in ((webp, "WebP"), (tiff, "TIFF"), (encoded(photo(), "AVIF"), "AVIF")):
        assert not is_cut_short(data, format)
        assert is_cut_short(data[:-40], format)
        assert not is_cut_short(data[:-40], "GIF")
    assert is_cut_short(b"II*\0\0\1\0\0", "TIFF")
    assert not is_cut_short(b"II+\0\0\1\0\0", "TIFF")
    assert not is_cut_short(bytes(8) + webp, "HEIC")
    large = b"\0\0\0\1mdat" + (24).to_bytes(8, "big") + bytes(8)
    assert not is_cut_short(large, "HEIC")
    assert is_cut_short(large[:-1], "HEIC")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("number", "words"),
    [(50001, "WebP"), (34712, "JPEG 2000"), (52546, "JPEG XL"), (9999, "compression 9999")],
)
def test_a_tiff_in_a_compression_that_nobody_decodes_is_not_called_damaged(
    order: str, number: int, words: str
) -> None:
    data = builders.tiff(np.asarray(photo()), 2, order=order)
    entry = struct.Struct(f"{order}HHIH")
    packed = data.replace(entry.pack(259, 3, 1, 1), entry.pack(259, 3, 1, number))
    assert packed != data
    assert unknown_compression(packed) == f"a TIFF with {words}"
    rejected = prepare_image(packed, RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "unsupported_format"
    assert words in rejected.rejection.detail


def test_a_known_compression_is_not_doubted() -> None:
    for compression in ("raw", "tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits", "zstd"):
        data = encoded(photo(), "TIFF", compression=compression)
        assert unknown_compression(data) == ""
        assert isinstance(prepare_image(data, RECIPE), PreparedImage)
    assert unknown_compression(b"II+\0" + bytes(40)) == ""  # BigTIFF is not looked into


@pytest.mark.parametrize("format", ["GIF", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_a_file_whose_end_was_never_written_is_flagged(format: str, fill: bytes) -> None:
    data = encoded(photo(), format)
    whole = prepare_image(data, RECIPE)
    assert isinstance(whole, PreparedImage)
    assert whole.flags == ()
    for length in range(len(data) // 3, len(data) - 64, 101):
        prepared = prepare_image(data[:length] + fill * (len(data) - length), RECIPE)
        if isinstance(prepared, PreparedImage) and prepared.content_id != whole.content_id:
            assert "uniform_tail" in prepared.flags
