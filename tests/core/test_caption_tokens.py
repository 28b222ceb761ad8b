"""Tokens of CLIP: exact ones by a vocabulary, else a bound below.

`captions/clip_tokens.txt` holds what clip-anytorch 2.6.0 counts for each line of `honest.txt`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.caption_tokens import (
    ClipVocabulary,
    clip_pieces,
    least_clip_tokens,
    least_t5_tokens,
)
from tests.core.test_caption_checks import HONEST

COUNTED = [
    int(line)
    for line in (Path(__file__).parent / "captions" / "clip_tokens.txt").read_text().split()
]
MERGES = "#version: 0.2\nc a\nca t</w>\nd o\n"


def test_a_bound_is_never_above_the_count_and_seldom_far_below_in_english() -> None:
    pairs = [(least_clip_tokens(text), count) for text, count in zip(HONEST, COUNTED, strict=True)]
    assert [text for text, (least, count) in zip(HONEST, pairs, strict=True) if least > count] == []
    english = [pair for text, pair in zip(HONEST, pairs, strict=True) if text.isascii()][:100]
    assert sum(count <= 1.1 * least for least, count in english) >= 90


def test_merges_are_applied_by_rank() -> None:
    vocabulary = ClipVocabulary.of(MERGES)
    assert vocabulary.count("") == 2
    assert vocabulary.count("cat") == 3  # begin, cat, end
    assert vocabulary.count("Cat dog") == 5  # do and g</w>
    assert vocabulary.count("\u00e9") == 4  # two bytes


def test_pieces() -> None:
    assert clip_pieces("It's 2026,  &amp; more!") == [
        "it",
        "'s",
        "2",
        "0",
        "2",
        "6",
        ",",
        "&",
        "more",
        "!",
    ]


@pytest.mark.parametrize(("text", "least"), [("", 1), ("a red  cat", 4), ("a\nb", 3)])
def test_t5(text: str, least: int) -> None:
    assert least_t5_tokens(text) == least
