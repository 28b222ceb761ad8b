"""Headers that give other sizes or values than their files hold."""

from __future__ import annotations

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.stored_sizes import exceeds_highest, holds_its_pictures
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, photo

RECIPE = Recipe(LongSide(96))
PHOTO = photo(160, 120)


def _flags(data: bytes) -> tuple[str, ...] | str:
    """Flags of what would be sent, or the code of the reason why not."""
    prepared = prepare_image(data, RECIPE)
    return prepared.flags if isinstance(prepared, PreparedImage) else prepared.rejection.code


def test_samples_above_the_highest_of_a_pnm_are_damage() -> None:
    data = encoded(PHOTO, "PPM")
    assert _flags(data) == ()
    assert _flags(data.replace(b"255", b"055", 1)) == "damaged"
    assert _flags(b"P5 2 2 15 " + bytes((0, 15, 7, 3))) == ()
    assert not exceeds_highest(b"P3 1 1 15 1 2 3")
    assert not exceeds_highest(b"P7")


def test_pixels_of_a_bmp_that_begin_a_byte_too_late_are_flagged() -> None:
    data = bytearray(encoded(PHOTO.resize((75, 58)), "BMP"))
    assert _flags(bytes(data)) == ()
    data[10] += 1
    assert "length_differs" in _flags(bytes(data))


def test_colours_of_a_gif_that_are_fewer_than_were_written_are_flagged_or_refused() -> None:
    data = bytearray(encoded(PHOTO.quantize(64), "GIF"))
    assert _flags(bytes(data)) == ()
    data[10] -= 1
    assert _flags(bytes(data)) in ("damaged", "truncated", ("length_differs",))


def test_an_icon_of_another_size_than_its_bitmap_is_flagged() -> None:
    icon = bytearray(encoded(PHOTO.resize((32, 32)), "ICO", sizes=[(32, 32)], bitmap_format="bmp"))
    assert holds_its_pictures(bytes(icon))
    icon[6] = 33
    assert not holds_its_pictures(bytes(icon))
