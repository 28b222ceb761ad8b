"""Why an image can be refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.core.reasons import REASONS, rejection

ROOT = Path(__file__).parents[2] / "pipeline"


def test_a_reason_begins_with_its_plain_words() -> None:
    assert rejection("truncated").detail == "the file ends too early"
    assert rejection("truncated", "by a library").detail == "the file ends too early: by a library"
    assert rejection("truncated", "x").code == "truncated"


def test_details_are_one_short_printable_line() -> None:
    detail = rejection("damaged", "two\nlines\x1b[31m and \0" + "x" * 5000).detail
    assert detail.isprintable()
    assert len(detail) < 400


def test_codes_are_a_fixed_set() -> None:
    with pytest.raises(KeyError):
        rejection("something_new")


@pytest.mark.parametrize("room", ["imaging", "engines"])
def test_every_code_in_use_is_in_the_set(room: str) -> None:
    used = set()
    for path in (ROOT / room).glob("*.py"):
        used |= set(re.findall(r'(?:Refusal|rejection)\("(\w+)"', path.read_text()))
    assert used
    assert used <= set(REASONS)
