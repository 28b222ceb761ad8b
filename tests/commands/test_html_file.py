from __future__ import annotations

import re

import pytest
from jinja2 import UndefinedError

from pipeline.commands.html_file import render_file
from tests.commands.test_pilot_page import findings


def test_the_style_is_that_of_the_review_and_nothing_is_fetched() -> None:
    html = render_file(
        "pilot",
        {name: lambda value: value for name in ("counts", "why", "expected", "range", "plain")},
        findings=findings(),
        few=False,
        rows=[],
        variants=[],
    )
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert "--accent: #1f4fc4" in style  # base.css
    assert ".figures {" in style  # html_file.css
    assert ".samples {" in style  # pilot.css
    assert not re.search(r"url\(|@import|https?:", style)


def test_a_value_that_is_missing_is_no_blank() -> None:
    with pytest.raises(UndefinedError):
        render_file("report")
