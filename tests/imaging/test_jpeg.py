"""JPEG: scaled decoding, damage noticed, and what libjpeg-turbo's simple interface cannot take."""

from __future__ import annotations

import io
import random
import threading

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.jpeg import OVERSAMPLING, JpegDecoder
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import (
    QUARTERS,
    LongSide,
    assert_shows,
    encoded,
    photo,
    quarters,
    sent,
    shown,
)

RECIPE = Recipe(LongSide(96))
ACCEPTING = Recipe(LongSide(96), on_damage="accept")
BASELINE = encoded(photo(640, 480), "JPEG", quality=85)
PROGRESSIVE = encoded(photo(640, 480), "JPEG", quality=85, progressive=True)


@pytest.mark.parametrize(
    ("target", "scale"), [(400, 1), (300, 1), (220, 2), (114, 4), (57, 8), (20, 8)]
)
def test_decoding_is_scaled_and_always_larger_than_the_target(
    monkeypatch: pytest.MonkeyPatch, target: int, scale: int
) -> None:
    decoded: list[tuple[int, ...]] = []
    original = simplejpeg.decode_jpeg

    def watch(*arguments: object, **options: object) -> np.ndarray:
        pixels = original(*arguments, **options)
        decoded.append(pixels.shape)
        return pixels

    monkeypatch.setattr(simplejpeg, "decode_jpeg", watch)
    prepare_image(BASELINE, Recipe(LongSide(target)))
    assert decoded == [(480 // scale, 640 // scale, 4)]
    assert scale == 1 or 640 // scale >= OVERSAMPLING * target


def _chroma(data: bytes) -> np.ndarray:
    """Cb and Cr as stored, one number for each two by two pixels."""
    image = Image.open(io.BytesIO(data))
    image.draft("YCbCr", image.size)
    planes = np.asarray(image).astype(float)[..., 1:]
    return planes.reshape(image.height // 2, 2, image.width // 2, 2, 2).mean((1, 3))


def test_colours_of_halved_resolution_stay_as_they_were_stored() -> None:
    data = encoded(photo(160, 120), "JPEG", quality=95, subsampling="4:2:0")
    lost = {}
    for chroma in ("420", "444"):
        prepared = prepare_image(data, Recipe(LongSide(160), quality=95, subsampling=chroma))
        assert isinstance(prepared, PreparedImage)
        lost[chroma] = np.abs(_chroma(sent(prepared)) - _chroma(data)).mean()
    # repeated and halved 0.15, smoothed and halved 1.01; for 4:4:4 smoothed 0.6, repeated 1.75
    assert lost["420"] < 0.5
    assert lost["444"] < 1


@pytest.mark.parametrize("size", [(641, 479), (1023, 767), (17, 2000), (799, 33)])
@pytest.mark.parametrize("side", [31, 64, 100])
def test_odd_sizes_are_scaled_too(size: tuple[int, int], side: int) -> None:
    data = encoded(quarters(*size), "JPEG", quality=90, subsampling="4:2:0")
    prepared = prepare_image(data, Recipe(LongSide(side)))
    assert isinstance(prepared, PreparedImage)
    assert shown(prepared).size == LongSide(side).choose(*size)
    if min(size) > 100:
        assert_shows(prepared)


def test_the_picture_is_as_good_as_fully_decoded() -> None:
    large = photo(1600, 1200, seed=3).resize((3200, 2400), Image.Resampling.BICUBIC)
    data = encoded(large, "JPEG", quality=92)
    prepared = prepare_image(data, Recipe(LongSide(512), quality=95))
    assert isinstance(prepared, PreparedImage)
    wanted = Image.open(io.BytesIO(data)).resize((512, 384), Image.Resampling.LANCZOS)
    made = np.asarray(shown(prepared).convert("L")).astype(float)
    assert np.sqrt(((made - np.asarray(wanted.convert("L"))) ** 2).mean()) < 2


@pytest.mark.parametrize("data", [BASELINE, PROGRESSIVE], ids=["baseline", "progressive"])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5, 0.9, 0.99])
def test_cut_files_are_noticed(data: bytes, share: float) -> None:
    cut = data[: int(len(data) * share)]
    rejected = prepare_image(cut, RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "truncated"
    accepted = prepare_image(cut, ACCEPTING)
    if share >= 0.2:
        assert isinstance(accepted, PreparedImage)
        assert accepted.flags == ("truncated_accepted",)
        assert shown(accepted).size == (96, 72)


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("data", [BASELINE, PROGRESSIVE], ids=["baseline", "progressive"])
def test_only_the_end_marker_is_missing(data: bytes, missing: int) -> None:
    whole, cut = prepare_image(data, RECIPE), prepare_image(data[:-missing], RECIPE)
    assert isinstance(whole, PreparedImage)
    assert isinstance(cut, PreparedImage)
    assert cut.content_id == whole.content_id
    assert cut.flags == ()


def test_flipped_bits_that_break_the_stream_of_codes_are_noticed() -> None:
    """A flip that leaves a valid stream of codes cannot be noticed by any decoder."""
    chance = random.Random(11)
    start = BASELINE.index(b"\xff\xda") + 14
    noticed, judged = 0, 200
    for _ in range(judged):
        data = bytearray(BASELINE)
        data[chance.randrange(start, len(data) - 2)] ^= 1 << chance.randrange(8)
        prepared = prepare_image(bytes(data), RECIPE)
        if isinstance(prepared, RejectedImage):
            assert prepared.rejection.code in ("damaged", "truncated")
            accepted = prepare_image(bytes(data), ACCEPTING)
            assert isinstance(accepted, PreparedImage)
            assert accepted.flags == (f"{prepared.rejection.code}_accepted",)
            noticed += 1
    assert noticed > judged // 8


def test_damage_names_libjpegs_words() -> None:
    data = bytearray(BASELINE)
    data[len(data) // 2 : len(data) // 2 + 400] = b"\xff\0" * 200
    rejected = prepare_image(bytes(data), RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "damaged"
    assert "Corrupt JPEG data" in rejected.rejection.detail
    assert (rejected.source_width, rejected.source_height) == (640, 480)


def test_warnings_that_say_nothing_about_the_pixels_are_no_damage() -> None:
    data = encoded(quarters(), "JPEG", quality=90)
    at = data.index(b"JFIF\0") + 5
    odd = data[:at] + b"\x63" + data[at + 1 :]  # JFIF version 99
    assert assert_shows(prepare_image(odd, RECIPE)).flags == ()
    adobe = builders.jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\7")  # an unknown transform
    assert assert_shows(prepare_image(builders.with_segments(data, adobe), RECIPE)).flags == ()


@pytest.mark.parametrize("before", [0xDB, 0xC0, 0xC4, 0xDA])
def test_stray_bytes_in_the_header_are_no_damage(before: int) -> None:
    """Behind a table or the frame header they are a doubt: it may have been longer."""
    at = BASELINE.index(bytes((0xFF, before)))
    odd = BASELINE[:at] + b"stray" + BASELINE[at:]
    whole, mended = prepare_image(BASELINE, RECIPE), prepare_image(odd, RECIPE)
    assert isinstance(whole, PreparedImage)
    assert isinstance(mended, PreparedImage)
    doubt = () if before == 0xDB else ("tables_doubtful",)
    assert (mended.content_id, mended.flags) == (whole.content_id, doubt)
    worse = bytearray(odd)
    worse[-3000:-2000] = b"\xff\0" * 500
    rejected = prepare_image(bytes(worse), RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "damaged"


@pytest.mark.parametrize("table", [0xDB, 0xC4])
def test_a_table_with_a_byte_more_or_less_is_refused_or_flagged(table: int) -> None:
    start = BASELINE.index(bytes((0xFF, table))) + 5
    for at in range(start, start + 60):
        for data in (BASELINE[:at] + b"\x35" + BASELINE[at:], BASELINE[:at] + BASELINE[at + 1 :]):
            prepared = prepare_image(data, RECIPE)
            assert isinstance(prepared, RejectedImage) or prepared.flags == ("tables_doubtful",), at


@pytest.mark.parametrize("factors", [b"\x31\x11\x11", b"\x13\x11\x11", b"\x21\x21\x11"])
def test_unusual_sampling_factors(factors: bytes) -> None:
    """Accepted by libjpeg and not by libjpeg-turbo's simple interface."""
    data = bytearray(_with_factors(factors))
    prepared = prepare_image(bytes(data), RECIPE)
    assert isinstance(prepared, PreparedImage), prepared
    assert shown(prepared).size == (96, 72)


def _with_factors(factors: bytes) -> bytes:
    """A flat grey picture whose frame header claims `factors`: every block is alike."""
    data = bytearray(encoded(Image.new("RGB", (160, 120), (128, 128, 128)), "JPEG", subsampling=0))
    frame = data.index(b"\xff\xc0")
    blocks = [(byte >> 4) * (byte & 15) for byte in factors]
    for component in range(3):
        data[frame + 11 + 3 * component] = factors[component]
    scan = data.index(b"\xff\xda") + 14
    units = -(-160 // (8 * max(f >> 4 for f in factors))) * -(
        -120 // (8 * max(f & 15 for f in factors))
    )
    # annex K's tables: a DC difference of 0, then the end of the block
    luma, chroma = "00" + "1010", "00" + "00"
    bits = ("".join((luma if n == 0 else chroma) * count for n, count in enumerate(blocks))) * units
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return bytes(data[:scan]) + packed + b"\xff\xd9"


def test_twelve_bits_are_named() -> None:
    data = bytearray(encoded(quarters(), "JPEG", quality=90))
    data[data.index(b"\xff\xc0") + 4] = 12
    rejected = prepare_image(bytes(data), RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code in ("unsupported_format", "damaged")


def test_a_header_without_a_size() -> None:
    data = bytearray(encoded(quarters(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = bytes(4)
    with pytest.raises(Refusal, match="no size"):
        JpegDecoder(bytes(data), RECIPE)


def test_cmyk_without_and_with_profile() -> None:
    image = quarters().convert("CMYK")
    assert_shows(prepare_image(encoded(image, "JPEG", quality=95), RECIPE), tolerance=8)
    profile = builders.cmyk_profile(swap=True)
    data = encoded(
        Image.new("CMYK", (40, 40), (255, 0, 0, 0)), "JPEG", quality=95, icc_profile=profile
    )
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ("icc_converted",)
    red, _, blue = shown(prepared).getpixel((20, 20))
    assert red > 180  # this profile's cyan is a yellow
    assert blue < 120


def test_threads_do_not_share_pictures() -> None:
    pictures = [
        encoded(quarters(400, 300, colours=QUARTERS[n:] + QUARTERS[:n]), "JPEG") for n in range(4)
    ]
    wanted = [prepare_image(data, RECIPE) for data in pictures]
    wrong: list[int] = []

    def work(number: int) -> None:
        answers = [prepare_image(pictures[number], RECIPE) for _ in range(50)]
        wrong.extend(number for answer in answers if answer != wanted[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_is_sent_is_a_plain_baseline_jpeg() -> None:
    prepared = prepare_image(PROGRESSIVE, RECIPE)
    assert isinstance(prepared, PreparedImage)
    data = sent(prepared)
    header = JpegDecoder(data, RECIPE).header
    assert header.clean
    assert (header.process, header.components, header.precision) == ("baseline", 3, 8)
    assert data.endswith(b"\xff\xd9")
