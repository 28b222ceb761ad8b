from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.pilot_findings import Findings, Picked, Variant
from pipeline.commands.pilot_page import render_page, write_page
from pipeline.ledger.images import SeenImage
from pipeline.ledger.samples import SampleAnswer
from pipeline.records import Usage
from pipeline.session.report import Report
from tests.browser import barriers

EVIL = """"><script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }} ' ` </style>"""
PIXEL = "data:image/jpeg;base64,/9j/AA=="


def findings(text: str = "a cat") -> Findings:
    image = SeenImage(1, "f", f"{text}.png", None, {}, None)
    result = SampleAnswer("captioned", text, {"tags": [text], "n": 3}, usage=Usage(90, 0, 0, 9, 0))
    bad = SampleAnswer("refused", None, {}, text)
    variants = [
        Variant(f"m {text}", "m", "", "standard", None, None, [result]),
        Variant("other", "o", "", "standard", None, None, [bad]),
    ]
    picked = Picked(image, bytes(32), 512, 300, 1024, 600)
    return Findings(
        1000, 990, 3, Counter(truncated=1), [picked], [PIXEL], variants, 123_000, False, Report()
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        self.attributes += attrs


def tags(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    return parser


def test_everything_that_was_found_is_on_the_page() -> None:
    html = render_page(findings(), ["captionmill run X", "captionmill run Y"])
    for words in ("a cat", "f/a cat.png", "1,000 images", "truncated 1", "captionmill run Y",
                  "$0.00012", "90 + 9", "refused", "tags: [", "n: 3", PIXEL):  # fmt: skip
        assert words.replace('"', "&#34;") in html, words


def test_nothing_that_comes_from_elsewhere_is_more_than_text() -> None:
    clean, evil = (
        tags(render_page(findings(), ["x", "y"])),
        tags(render_page(findings(EVIL), [EVIL, EVIL])),
    )
    assert evil.found == clean.found
    assert evil.found["script"] == 0
    assert "49" not in render_page(findings("{{ 7*7 }}"), ["x", "y"])
    assert not any(name.startswith("on") for name, _ in evil.attributes)


def test_the_policy_allows_the_pages_own_style_and_pictures_only() -> None:
    html = render_page(findings(), ["x", "y"])
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = policy.replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"(?:src|href)=\"(?!data:image)", html) == []


def test_a_page_is_whole_and_takes_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "pilot.html"
    write_page(path, findings("half \ud800 pair"), ["x", "y"])
    assert "half ? pair" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("thumbnail", ["", PIXEL])
def test_a_picture_that_cannot_be_shown_is_left_out(thumbnail: str) -> None:
    found = findings()
    found.thumbnails = [thumbnail]
    assert tags(render_page(found, ["x", "y"])).found["img"] == bool(thumbnail)


def test_text_that_is_turned_around_is_seen_to_be() -> None:
    html = render_page(findings("cat\u202egpj.exe \u2067x"), ["run \u200fx", "y"])
    assert "cat\ufffdgpj.exe \ufffdx.png" in html
    assert "run \ufffdx" in html
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", html)


def test_an_image_sent_as_its_address_has_no_sizes() -> None:
    found = findings()
    found.sample = [Picked(found.sample[0].image, bytes(32), 0, 0, 0, 0)]
    html = render_page(found, ["x", "y"])
    assert "sent as its address" in html
    assert "0 × 0" not in html


def test_a_failed_model_says_why() -> None:
    html = render_page(findings("the key is no good"), ["x", "y"])
    assert '<span class="why">the key is no good</span>' in html


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_well(tmp_path: Path, browser: Any, scheme: Any) -> None:
    path = tmp_path / "pilot.html"
    write_page(path, findings("a long-named picture " * 6), ["captionmill run " * 9, "y"])
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(path.as_uri())
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert barriers(page) == [], width
    context.close()
