"""Which JPEGs are sent as they are."""

from __future__ import annotations

import hashlib

import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.jpeg_header import read_header
from pipeline.imaging.pass_through import may_pass
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import LongSide, encoded, photo, sent, shown

RECIPE = Recipe(LongSide(160), pass_through=True, perceptual_hash=True)
PLAIN = encoded(photo(), "JPEG", quality=90)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        encoded(photo(), "JPEG", progressive=True),
        encoded(photo().convert("L"), "JPEG"),
        encoded(photo(), "JPEG", subsampling="4:4:4", restart_marker_rows=1),
        encoded(photo(), "JPEG", keep_rgb=True),
    ],
    ids=["plain", "progressive", "grey", "restarts", "rgb"],
)
def test_small_upright_clean_files_pass(data: bytes) -> None:
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert sent(prepared) == data
    assert prepared.flags == ("passed_through",)
    assert prepared.content_id == prepared.source_id == hashlib.sha256(data).digest()
    assert (prepared.width, prepared.height) == (160, 120)
    assert prepared.perceptual_hash is not None


_GPS = builders.jpeg_segment(0xE1, b"Exif\0\0" + builders.exif(1, gps=b"52.5163"))


@pytest.mark.parametrize(
    "data",
    [
        builders.with_segments(PLAIN, _GPS),
        builders.with_segments(PLAIN, builders.jpeg_segment(0xFE, b"52.5163")),
        PLAIN + b"52.5163",
        PLAIN[:-2],
        encoded(photo(200, 150), "JPEG"),
        encoded(photo().convert("CMYK"), "JPEG"),
        encoded(photo(), "JPEG", icc_profile=builders.grey_profile(1.0)),
        encoded(photo(), "PNG"),
    ],
    ids=["gps", "comment", "trailer", "no end", "large", "cmyk", "profile", "png"],
)
def test_everything_else_is_made_anew(data: bytes) -> None:
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert "passed_through" not in prepared.flags
    assert b"52.5163" not in sent(prepared)
    assert shown(prepared).size == (160, 120)


def test_a_comment_between_scans_does_not_pass() -> None:
    data = encoded(photo(), "JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    hidden = data[:second] + builders.jpeg_segment(0xFE, b"52.5163") + data[second:]
    prepared = prepare_image(hidden, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()
    assert b"52.5163" not in sent(prepared)


def test_damage_does_not_pass() -> None:
    damaged = bytearray(PLAIN)
    middle = PLAIN.index(b"\xff\xda") + 200
    damaged[middle : middle + 60] = bytes(60)
    assert may_pass(read_header(bytes(damaged)), bytes(damaged), RECIPE)
    assert isinstance(prepare_image(bytes(damaged), RECIPE), RejectedImage)
    accepting = Recipe(LongSide(160), pass_through=True, on_damage="accept")
    accepted = prepare_image(bytes(damaged), accepting)
    assert isinstance(accepted, PreparedImage)
    assert accepted.flags == ("damaged_accepted",)


def test_nothing_passes_unasked() -> None:
    prepared = prepare_image(PLAIN, Recipe(LongSide(160)))
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()


def test_turned_files_do_not_pass() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    prepared = prepare_image(encoded(photo(), "JPEG", exif=exif), RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()
