"""Which preparations of version 0.1.0 are made again, and which of them were wrong."""

from __future__ import annotations

import pytest

from pipeline.core.reasons import rejection
from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.stale_kinds import FormerPreparation, may_be_stale, stale_kind
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, quarters
from tests.imaging.samples import all_samples

RECIPE = Recipe(LongSide(96))


def _former(format: str | None, *flags: str, sent: tuple[int, int] = (96, 72)) -> FormerPreparation:
    return FormerPreparation(format, (160, 120), sent, flags)


def _again(*flags: str, sent: tuple[int, int] = (96, 72), format: str = "PNG") -> PreparedImage:
    return PreparedImage(b"s", b"c", format, 160, 120, *sent, "image/jpeg", b"", flags)


@pytest.mark.parametrize("format", ["JPEG", "RAW"])
def test_no_photograph_is_read_again(format: str) -> None:
    assert not may_be_stale(_former(format))
    assert may_be_stale(_former(format), thorough=True)


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF", "WebP", "AVIF", "HEIC", "SVG"])
def test_formats_whose_rules_have_changed_are_prepared_again(format: str) -> None:
    assert may_be_stale(_former(format))


def test_an_image_that_was_sent_as_its_address_is_nothing_to_prepare() -> None:
    assert not may_be_stale(_former(None), thorough=True)


def test_a_strip_is_prepared_again_where_its_source_has_more() -> None:
    strip = FormerPreparation("JPEG", (690, 15_420), (23, 512))
    assert may_be_stale(strip)
    assert not may_be_stale(strip, least=16)
    assert not may_be_stale(FormerPreparation("JPEG", (23, 512), (23, 512)))
    assert stale_kind(strip, _again(sent=(28, 626), format="JPEG")) == "thin strip"
    assert stale_kind(strip, _again(sent=(23, 512), format="JPEG")) == ""


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("contrasting_background", "hidden by the background"),
        ("blank", "shows nothing"),
        ("range_stretched", "sample range"),
        ("alpha_ignored", "alpha of zeros"),
        ("palette_exceeded", "palette"),
        ("partial_frame", "small first frame"),
        ("frame_4", "another frame"),
        ("plain_picture_left_out", "another frame"),
        ("colours_converted", "wide colours"),
    ],
)
def test_a_new_flag_names_the_rule_that_was_missing(flag: str, kind: str) -> None:
    assert stale_kind(_former("PNG"), _again(flag)) == kind
    assert stale_kind(_former("PNG", flag), _again(flag)) == ""


def test_an_exponent_that_counted_beside_a_profile_makes_a_picture_stale() -> None:
    assert stale_kind(_former("PNG", "gamma_converted"), _again()) == "exponent"
    assert stale_kind(_former("PNG", "icc_ignored"), _again("gamma_converted")) == "exponent"
    assert stale_kind(_former("PNG", "gamma_converted"), _again("gamma_converted")) == ""


def test_an_animation_whose_last_frame_was_sent_for_its_first_is_stale() -> None:
    former = _former("JPEG XL", "last_frame")
    assert stale_kind(former, _again("first_frame", format="JPEG XL")) == "another frame"
    assert stale_kind(former, _again("last_frame", format="JPEG XL")) == ""


@pytest.mark.parametrize("flag", ["uniform_tail", "fax_doubtful", "icc_converted", "first_frame"])
def test_a_flag_that_changes_no_pixel_or_is_no_news_makes_nothing_stale(flag: str) -> None:
    assert stale_kind(_former("PNG", "icc_converted", "first_frame"), _again(flag)) == ""


@pytest.mark.parametrize(
    ("code", "format", "kind"),
    [
        ("damaged", "PNG", "damaged"),
        ("truncated", "GIF", "truncated"),
        ("too_thin", "JPEG", "too thin"),
        ("unsupported_format", "PNG", "unsupported format"),
        ("unsupported_format", "JPEG XL", ""),  # its package is gone
        ("vanished", "PNG", ""),
        ("out_of_memory", "TIFF", ""),
        ("too_many_pixels", "TIFF", ""),
    ],
)
def test_what_is_refused_by_now_was_sent_wrongly(code: str, format: str, kind: str) -> None:
    assert stale_kind(_former(format), RejectedImage(b"s", rejection(code), format)) == kind


def test_pictures_that_were_right_are_not_stale() -> None:
    for sample in all_samples():
        again = prepare_image(sample.data, RECIPE)
        assert isinstance(again, PreparedImage)
        former = FormerPreparation(sample.format, (160, 120), (96, 72), sample.flags)
        assert stale_kind(former, again) == "", sample.name


def test_a_drawing_that_was_white_on_white_is_stale() -> None:
    drawing = quarters(40, 30, colours=((255, 255, 255),) * 4).convert("RGBA")
    drawing.putalpha(quarters(40, 30).convert("L").point(lambda level: 255 * (level > 120)))
    again = prepare_image(encoded(drawing, "PNG"), RECIPE)
    former = FormerPreparation("PNG", (40, 30), (40, 30))
    assert may_be_stale(former)
    assert stale_kind(former, again) == "hidden by the background"
