"""An SVG read as if its author meant harm."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.imaging import svg_source
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.svg_source import SvgSource, read_svg

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
PNG = base64.b64encode(b"an image").decode()


def read(text: str | bytes) -> SvgSource:
    return read_svg(text if isinstance(text, bytes) else text.encode(), lambda _: "png")


def content(inside: str) -> str:
    return read(f"{OPEN}{inside}</svg>").content


def refusal(text: str | bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        read(text)
    return refused.value


@pytest.mark.parametrize(
    "inside",
    [
        '<rect width="4" fill="url(#a)"></rect>',
        "<rect fill=\"url( '#a' ) red\"></rect>",
        '<use xlink:href="#a"></use>',
        '<g style="mask:url(&quot;#m&quot;)"></g>',
        "<style>.a{fill:url(#b)} .b{font-family:\\'Arial\\'}</style>",
        "<style>@font-face{src:url(data:font/woff;base64,AAAA)}</style>",
        "<text>see url(http://example.com) &amp; &lt;image href=x&gt;</text>",
        f'<image width="4" href="data:image/png;base64,{PNG}"></image>',
        '<filter><feImage href="#a"></feImage></filter>',
        '<g xml:space="preserve">  a </g>',
    ],
)
def test_what_stays_within_stays(inside: str) -> None:
    told = content(inside).replace("&quot;", '"').replace("'", '"')
    assert told == inside.replace("&quot;", '"').replace("'", '"')


_REFERENCES = [
    "/etc/passwd", "file:///etc/passwd", "x.png", "./x.png", "../x.png", "http://a.example/x.png",
    "//a.example/x.png", "other.svg#x", " /etc/x", "C:\\x.png", "ftp:x", "&#47;etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("reference", _REFERENCES)
@pytest.mark.parametrize(
    "element",
    [
        '<image href="{}"/>', '<image xlink:href="{}"/>', '<use xlink:href="{}"/>',
        '<q:image xmlns:q="http://www.w3.org/2000/svg" href="{}"/>',
        '<image xmlns:q="http://www.w3.org/1999/xlink" q:href="{}"/>',
        '<filter><feImage href="{}"/></filter>', '<linearGradient href="{}"/>',
        '<rect fill="url({})"/>', '<rect style="fill: URL( \'{}\' )"/>', '<iframe src="{}"/>',
        "<style>rect{{fill:url({})}}</style>", "<style>@import '{}';</style>",
        "<style><![CDATA[@import \"{}\";]]></style>", '<g style="background:\\75 rl({})"/>',
        "<style>@font-face{{src:url({})}}</style>", '<textPath href="{}"/>',
        "<style>@\\69mport '{}';</style>",
    ],
)  # fmt: skip
def test_what_refers_to_something_outside_is_refused(element: str, reference: str) -> None:
    refused = refusal(f"{OPEN}{element.format(reference)}</svg>")
    assert refused.code == "unsupported_format"
    assert "outside of itself" in refused.detail
    assert "example" not in refused.detail
    assert "passwd" not in refused.detail


@pytest.mark.parametrize("reference", ["data:x.png", "data:image/svg+xml;utf8,<svg/>", "DATA:,x"])
def test_images_inside_are_base64(reference: str) -> None:
    refused = refusal(OPEN + f'<image href="{reference.replace("<", "&lt;")}"/></svg>')
    assert "not base64" in refused.detail
    outside = refusal(OPEN + f'<use href="{reference.replace("<", "&lt;")}"/></svg>')
    assert "outside of itself" in outside.detail


def test_an_image_inside_gets_the_type_that_it_has() -> None:
    seen = []

    def check(image: bytes) -> str:
        seen.append(image)
        return "gif"

    packed = f"data:image/svg+xml;base64,{PNG[:4]}\n {PNG[4:].replace('=', '%3D')}"
    source = read_svg(f'{OPEN}<image href="{packed}"/></svg>'.encode(), check)
    assert seen == [b"an image"]
    assert source.content == f'<image href="data:image/gif;base64,{PNG}"></image>'


def test_broken_base64() -> None:
    assert refusal(f'{OPEN}<image href="data:image/png;base64,a*b"/></svg>').code == "damaged"


@pytest.mark.parametrize(
    "inside",
    [
        '<script href="x.js">alert(1)</script>',
        '<metadata><a href="x"><image href="/etc/passwd"/></a></metadata>',
        '<foreignObject><iframe src="x"/></foreignObject>',
        '<set attributeName="href" to="/etc/passwd"/>',
        '<!-- <image href="/etc/passwd"/> -->',
        "<?php 1 ?>",
    ],
)
def test_what_draws_nothing_is_left_out(inside: str) -> None:
    assert content(f"<g>{inside}<rect/></g>") == "<g><rect></rect></g>"


def test_elements_within_a_style_are_no_hiding_place() -> None:
    text = f"{OPEN}<style>@imp<g>x</g>ort 'x';</style></svg>"
    assert "outside of itself" in refusal(text).detail


def test_what_a_click_would_do_and_what_an_editor_notes_is_left_out() -> None:
    assert content('<a href="http://a.example"><rect/></a>') == "<a><rect></rect></a>"
    assert content('<g xmlns:i="urn:i" i:file="/home/me" xml:base="/x"/>') == (
        '<g xmlns:i="urn:i"></g>'
    )
    assert content('<image href="#a"/><use href=""/>') == "<image></image><use></use>"


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]>',
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE svg [<!ENTITY % a SYSTEM "http://a.example/x"> %a;]>',
        '<!DOCTYPE svg [<!ATTLIST image href CDATA "/etc/passwd">]>',
        "<!DOCTYPE svg []>",
    ],
)
def test_declarations_are_refused(doctype: str) -> None:
    refused = refusal(f"{doctype}{OPEN}<text>&a;</text></svg>")
    assert refused.code == "unsupported_format"
    assert "DOCTYPE" in refused.detail


def test_a_plain_doctype_is_harmless_and_not_passed_on() -> None:
    doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://a.example/svg11.dtd">'
    source = read(f'<?xml version="1.0"?>{doctype}<svg a="1"><g>&nbsp;</g></svg>')
    assert source.written(b="2") == '<svg a="1" b="2"><g></g></svg>'


def test_style_sheets_beside_the_file_are_refused() -> None:
    assert refusal(f'<?xml-stylesheet href="x.css"?>{OPEN}</svg>').code == "unsupported_format"


def test_many_small_things_and_deep_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = svg_source.MAX_DEPTH - 1
    assert content("<g>" * deep + "</g>" * deep).startswith("<g>")
    assert "deep" in refusal(OPEN + "<g>" * (deep + 1) + "</g>" * (deep + 1) + "</svg>").detail
    monkeypatch.setattr(svg_source, "MAX_ELEMENTS", 9)
    assert "more than 9" in refusal(OPEN + "<g/>" * 9 + "</svg>").detail
    monkeypatch.setattr(svg_source, "MAX_BYTES", 99)
    assert refusal(OPEN + "<g/>" * 9 + "</svg>").code == "too_large_file"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (OPEN, "truncated"),
        (OPEN + "<rect wid", "truncated"),
        (OPEN + "<g></svg>", "damaged"),
        (OPEN + "&undeclared;</svg>", "damaged"),
        (OPEN + "\0</svg>", "damaged"),
        ("<doc><svg/></doc>", "unsupported_format"),
        ("<script/>", "unsupported_format"),
        (b"<svg>\xff</svg>", "damaged"),
    ],
)
def test_what_is_no_svg(text: str | bytes, code: str) -> None:
    assert refusal(text).code == code


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    data = f'<?xml version="1.0" encoding="{name}"?><svg><text>é</text></svg>'.encode(encoding)
    source = read(data)
    assert source.content == "<text>é</text>"
    assert source.text


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_was_read_reads_the_same_again(value: str, text: str) -> None:
    from xml.sax.saxutils import escape, quoteattr

    with contextlib.suppress(Refusal):
        source = read(f"<svg a={quoteattr(value)}><g>{escape(text)}</g></svg>")
        assert read(source.written()) == source
