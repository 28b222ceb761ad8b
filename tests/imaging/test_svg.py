"""SVG: its size, and what resvg draws of it when that is installed."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from PIL import Image

from pipeline.core.recipe import ImageLimits, Recipe
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.svg import SvgDecoder, _usual_font, natural_size
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import (
    QUARTERS,
    RED,
    Colour,
    LongSide,
    assert_shows,
    encoded,
    quarters,
    shown,
)

SVG = frozenset({"SVG"})
RECIPE = Recipe(LongSide(96), formats=SVG)
WHITE: Colour = (255, 255, 255)


def svg(inside: str, frame: str = 'width="160" height="120"') -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>{inside}</svg>'.encode()


def rect(colour: Colour, x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="rgb{colour}"/>'


def four(width: float = 160, height: float = 120) -> str:
    """Quarters, as `drawing.quarters` has them."""
    across, down = width / 2, height / 2
    places = ((0, 0), (across, 0), (0, down), (across, down))
    return "".join(
        rect(colour, *place, across, down) for colour, place in zip(QUARTERS, places, strict=True)
    )


def copies(times: int, levels: int) -> str:
    """Groups that each show the one before so many times."""
    groups = [f'<g id="a0">{rect(RED, 0, 0, 1, 1)}</g>']
    for level in range(1, levels + 1):
        uses = f'<use href="#a{level - 1}"/>' * times
        groups.append(f'<g id="a{level}">{uses}</g>')
    return "".join(groups)


def data_url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def rejected(data: bytes, recipe: Recipe = RECIPE) -> RejectedImage:
    found = prepare_image(data, recipe)
    assert isinstance(found, RejectedImage), found
    return found


@pytest.fixture
def library() -> ModuleType:
    """resvg, or the test is skipped."""
    return pytest.importorskip("resvg_py")


@pytest.fixture
def canvas(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A stand-in for resvg that notes what it is asked, and draws an empty picture."""
    fake = SimpleNamespace(asked=[])

    def draw(**options: object) -> bytes:
        fake.asked.append(options)
        return encoded(Image.new("RGBA", (4, 4)), "PNG")

    fake.svg_to_bytes = draw
    monkeypatch.setitem(sys.modules, "resvg_py", fake)
    _usual_font.cache_clear()
    yield fake
    _usual_font.cache_clear()


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"width": "160", "height": "120"}, (160, 120)),
        ({"width": "1in", "height": "72pt"}, (96, 96)),
        ({"width": "25.4mm", "height": "2.54CM"}, (96, 96)),
        ({"width": " 2e2px ", "height": ".5in"}, (200, 48)),
        ({"width": "2em", "height": "1pc"}, (32, 16)),
        ({"viewBox": "0 0 30 20"}, (30, 20)),
        ({"viewBox": "-5,-5, 30,20"}, (30, 20)),
        ({"width": "100%", "height": "100%", "viewBox": "0 0 30 20"}, (30, 20)),
        ({"width": "60", "viewBox": "0 0 30 20"}, (60, 40)),
        ({"height": "60", "viewBox": "0 0 30 20"}, (90, 60)),
        ({"width": "60"}, (60, 150)),
        ({"height": "60"}, (300, 60)),
        ({}, (300, 150)),
        ({"width": "-4", "height": "wide"}, (300, 150)),
        ({"viewBox": "0 0 nan 20"}, (300, 150)),
        ({"viewBox": "0 0 0 20"}, (300, 150)),
        ({"viewBox": "0 0 20"}, (300, 150)),
        ({"width": "1e999", "height": "9"}, (1e9, 9)),
        ({"viewBox": "0 0 1e30 1e30"}, (1e9, 1e9)),
    ],
)
def test_natural_sizes(attributes: dict[str, str], size: tuple[float, float]) -> None:
    assert natural_size(attributes) == pytest.approx(size)


@pytest.mark.parametrize("attributes", [{"width": "0", "height": "9"}, {"height": "0px"}])
def test_nothing_has_no_size(attributes: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="damaged"):
        natural_size(attributes)


@pytest.mark.parametrize("size", [(160, 120), (80, 60), (33, 17), (1, 1)])
def test_the_renderer_is_asked_for_just_that_size(
    canvas: SimpleNamespace, size: tuple[int, int]
) -> None:
    picture = SvgDecoder(svg(four()), RECIPE).render(*size)
    assert picture.pixels.shape[:2] == (size[1], size[0])
    (asked,) = canvas.asked
    assert f'width="{size[0]}" height="{size[1]}"' in asked["svg_string"]
    assert not os.path.isdir(asked["resources_dir"])  # noqa: PTH112
    assert asked["skip_system_fonts"]


@pytest.mark.parametrize("installed", ["DejaVu Sans", None])
def test_text_is_drawn_in_a_font_that_is_there_or_flagged(
    canvas: SimpleNamespace, installed: str | None
) -> None:
    def draw(**options: object) -> bytes:
        canvas.asked.append(options)
        seen = ">W<" in str(options["svg_string"]) and options["font_family"] == installed
        return encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 255 * seen)), "PNG")

    canvas.svg_to_bytes = draw
    picture = SvgDecoder(svg("<text>words</text>"), RECIPE).render(9, 9)
    asked = canvas.asked[-1]
    assert not asked["skip_system_fonts"]
    assert asked["font_family"] == asked["monospace_family"] == installed
    assert picture.flags == (() if installed else ("text_needs_fonts",))


@pytest.mark.usefixtures("library")
def test_text_is_drawn_whatever_its_font_unless_flagged() -> None:
    for family in ("", "sans-serif", "Nonesuch"):
        text = f'<text y="110" font-size="120" font-family="{family}">WWW</text>'
        prepared = prepare_image(svg(text), RECIPE)
        assert isinstance(prepared, PreparedImage)
        darkest = min(low for low, _ in shown(prepared).getextrema())
        assert (darkest < 99) != ("text_needs_fonts" in prepared.flags)


def test_caps_are_about_the_natural_size(canvas: SimpleNamespace) -> None:
    data = svg("", 'width="160" height="120"')
    for caps, code in (
        (ImageLimits(max_pixels=160 * 120 - 1), "too_many_pixels"),
        (ImageLimits(max_side=159), "too_long_side"),
        (ImageLimits(min_side=121), "too_small"),
    ):
        found = rejected(data, Recipe(LongSide(96), caps=caps, formats=SVG))
        assert found.rejection.code == code
        assert (found.source_width, found.source_height) == (160, 120)
    huge = svg("", 'width="1e300" height="1e300"')
    assert rejected(huge).rejection.code == "too_many_pixels"
    assert canvas.asked == []


def test_what_refers_to_files_never_reaches_the_renderer(
    canvas: SimpleNamespace, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(quarters(), "PNG"))
    inner = svg(f'<image href="{secret}" width="160" height="120"/>')
    for data in (
        inner,
        svg(f'<image href="{data_url(inner, "svg+xml")}" width="160" height="120"/>'),
        svg(f'<image href="{data_url(inner)}" width="160" height="120"/>'),
    ):
        rejection = rejected(data).rejection
        assert rejection.code == "unsupported_format"
        assert "secret" not in rejection.detail
    assert canvas.asked == []


@pytest.mark.parametrize(
    ("inside", "code", "words"),
    [
        (svg(""), "unsupported_format", "of the kind SVG"),
        (encoded(quarters(), "TIFF"), "unsupported_format", "of the kind TIFF"),
        (b"text", "unsupported_format", "no image"),
        (b"\xff\xd8\xff", "truncated", ""),
        (b"\x89PNG\r\n\x1a\n", "truncated", ""),
    ],
)
def test_images_inside_are_looked_at(inside: bytes, code: str, words: str) -> None:
    rejection = rejected(svg(f'<image href="{data_url(inside)}"/>')).rejection
    assert words in rejection.detail
    assert rejection.code in (code, "damaged")


def test_images_inside_count_together(canvas: SimpleNamespace) -> None:
    image = f'<image href="{data_url(encoded(quarters(), "PNG"))}"/>'
    recipe = Recipe(LongSide(96), caps=ImageLimits(max_pixels=2 * 160 * 120), formats=SVG)
    assert isinstance(prepare_image(svg(image * 2), recipe), PreparedImage)
    rejection = rejected(svg(image * 3), recipe).rejection
    assert rejection.code == "too_many_pixels"
    assert "inside" in rejection.detail
    assert len(canvas.asked) == 1


@pytest.mark.usefixtures("library")
def test_a_drawing() -> None:
    prepared = assert_shows(prepare_image(svg(four()), RECIPE))
    assert prepared.source_format == "SVG"
    assert prepared.flags == ()
    assert (prepared.source_width, prepared.source_height) == (160, 120)
    assert (prepared.width, prepared.height) == (96, 72)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("frame", "size"),
    [
        ('viewBox="0 0 160 120"', (96, 72)),
        ('width="16" height="12" viewBox="0 0 160 120"', (16, 12)),
        ('width="80mm" height="60mm" viewBox="0 0 160 120"', (96, 72)),
        ('width="100%" height="100%" viewBox="0 0 160 120"', (96, 72)),
        ('width="160" height="120" x="50" y="50"', (96, 72)),
    ],
)
def test_frames(frame: str, size: tuple[int, int]) -> None:
    prepared = assert_shows(prepare_image(svg(four(), frame), RECIPE), tolerance=9)
    assert (prepared.width, prepared.height) == size


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("side", [7, 33, 64, 95])
def test_the_picture_is_filled_to_its_edges(side: int) -> None:
    data = svg(rect((0, 0, 0), 0, 0, 301, 150), 'width="301" height="150"')
    prepared = prepare_image(data, Recipe(LongSide(side), formats=SVG))
    assert isinstance(prepared, PreparedImage)
    image = shown(prepared)
    assert image.size == LongSide(side).choose(301, 150)
    assert max(high for _, high in image.getextrema()) < 9


@pytest.mark.usefixtures("library")
def test_a_view_box_of_another_shape_keeps_its_shape() -> None:
    data = svg(rect(RED, 0, 0, 50, 100), 'width="100" height="100" viewBox="0 0 50 100"')
    recipe = Recipe(LongSide(100), background=(0, 0, 255), formats=SVG)
    prepared = prepare_image(data, recipe)
    assert isinstance(prepared, PreparedImage)
    image = shown(prepared)
    assert image.getpixel((10, 50))[2] > 240
    assert image.getpixel((50, 50))[0] > 200


@pytest.mark.usefixtures("library")
def test_lengths_within_are_those_of_css() -> None:
    inch = f'<rect width="120pt" height="1.25in" fill="rgb{RED}"/>'
    assert_shows(prepare_image(svg(inch), RECIPE), (RED,) * 4)


@pytest.mark.usefixtures("library")
def test_transparent_parts_show_the_background() -> None:
    recipe = Recipe(LongSide(96), background=(10, 200, 30), formats=SVG)
    assert_shows(prepare_image(svg(""), recipe), ((10, 200, 30),) * 4)
    assert_shows(prepare_image(svg(""), RECIPE), (WHITE,) * 4)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
def test_images_inside_are_drawn(format: str) -> None:
    options = {"quality": 90} if format in ("JPEG", "WEBP") else {}
    image = data_url(encoded(quarters(), format, **options), "unknown")
    drawing = svg(f'<image href="{image}" width="160" height="120"/>')
    assert_shows(prepare_image(drawing, RECIPE), tolerance=8)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    "inside",
    [
        f'<defs><g id="a">{four()}</g></defs><use href="#a"/>',
        f"<style>#a{{fill:rgb{RED}}}</style>{four()}<rect id='a' width='80' height='60'/>",
        f'<clipPath id="c"><rect width="160" height="120"/></clipPath>'
        f'<g clip-path="url(#c)">{four()}</g>',
        f'<a href="http://a.example">{four()}</a><script>1</script>',
        f"<switch><foreignObject/><g>{four()}</g></switch>",
    ],
)
def test_what_is_within_is_drawn(inside: str) -> None:
    assert_shows(prepare_image(svg(inside), RECIPE))


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    "inside",
    [
        '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>',
        '<q:rect width="9"/>',
        copies(10, 8),
    ],
)
def test_what_the_renderer_refuses_is_a_reason(inside: str) -> None:
    rejection = rejected(svg(inside)).rejection
    assert rejection.code in ("damaged", "unsupported_format")
    assert rejection.detail


@pytest.mark.usefixtures("library")
def test_the_deepest_nesting_that_is_passed_on_is_drawn() -> None:
    deep = "<g opacity='1'>" * 98 + four() + "</g>" * 98
    assert_shows(prepare_image(svg(deep), RECIPE))


@pytest.mark.usefixtures("library")
def test_the_same_file_gives_the_same_picture() -> None:
    data = svg(four())
    assert prepare_image(data, RECIPE) == prepare_image(data, RECIPE)
