"""What libtiff says on standard error and Pillow does not hear."""

from __future__ import annotations

import io
import os
import random

import pytest
from PIL import Image, ImageDraw

from pipeline.core.recipe import Recipe
from pipeline.imaging import tiff_errors
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo

RECIPE = Recipe(LongSide(96))


def _page() -> Image.Image:
    page = Image.new("L", (400, 300), 255)
    draw = ImageDraw.Draw(page)
    draw.fontmode = "1"
    for line in range(12):
        draw.text((10, 10 + line * 22), f"The quick brown fox {line} jumps over", fill=0)
    return page.convert("1")


def test_a_bad_code_of_a_fax_is_damage(capfd: pytest.CaptureFixture[str]) -> None:
    data = encoded(_page(), "TIFF", compression="group4")
    half = len(data) // 2
    broken = data[: half - 60] + b"\xaa\x55\0\0\0\x13\x37\0\1" * 10 + data[half + 30 :]
    rejected = prepare_image(broken, RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "damaged"
    assert "Bad code word" in rejected.rejection.detail
    assert capfd.readouterr().err == ""
    accepted = prepare_image(broken, Recipe(LongSide(96), on_damage="accept"))
    assert isinstance(accepted, PreparedImage)
    assert accepted.flags == ("damaged_accepted",)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize(
    ("compression", "options"), [("group3", 0), ("group3", 5), ("group4", 0), ("tiff_ccitt", 0)]
)
def test_no_damage_of_a_fax_is_sent_without_a_flag(
    compression: str, options: int, photometric: int
) -> None:
    info = {262: photometric, 278: 100} | ({292: options} if options else {})
    data = encoded(_page(), "TIFF", compression=compression, tiffinfo=info)
    whole = prepare_image(data, RECIPE)
    assert isinstance(whole, PreparedImage)
    assert whole.flags == ()
    with Image.open(io.BytesIO(data)) as file:
        first, last = file.tag_v2[273][0], file.tag_v2[273][-1]  # type: ignore[attr-defined]
    chance, silent = random.Random(1), 0
    for _ in range(60):
        broken = bytearray(data)
        broken[chance.randrange(first, last)] ^= 1 << chance.randrange(8)
        prepared = prepare_image(bytes(broken), RECIPE)
        silent += isinstance(prepared, PreparedImage) and (
            prepared.content_id != whole.content_id and "fax_doubtful" not in prepared.flags
        )
    assert silent <= 3  # a flipped bit may make another fax that is as sound


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_damaged_jpeg_inside_is_damage(mode: str) -> None:
    data = encoded(photo(400, 300).convert(mode), "TIFF", compression="jpeg")
    assert isinstance(prepare_image(data, RECIPE), PreparedImage)
    chance = random.Random(1)
    refused = 0
    for _ in range(20):
        at = chance.randrange(1000, len(data) - 4000)
        broken = data[:at] + bytes(800) + data[at + 800 :]
        refused += isinstance(prepare_image(broken, RECIPE), RejectedImage)
    assert refused >= 18


def test_standard_error_is_as_before(capfd: pytest.CaptureFixture[str]) -> None:
    prepare_image(encoded(_page(), "TIFF", compression="group4"), RECIPE)
    os.write(2, b"here")
    assert capfd.readouterr().err == "here"


def test_a_fax_whose_white_is_0_is_coded_again_as_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow turns such a page pixel by pixel while it writes."""
    data = encoded(_page(), "TIFF", compression="group4", tiffinfo={262: 0})
    photometrics: list[object] = []
    coded = tiff_errors._coded

    def recorded(strip: Image.Image, name: str, info: dict[int, object]) -> bytes:
        photometrics.append(info[262])
        return coded(strip, name, info)

    monkeypatch.setattr(tiff_errors, "_coded", recorded)
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert (prepared.flags, set(photometrics)) == ((), {1})
