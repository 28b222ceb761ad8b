from __future__ import annotations

import pytest

from pipeline.core.thoughts import without_thoughts


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>\nA cat?\n</think>\n\nA cat.", "A cat."),
        ("  <THINK>hm</Think> A cat.", "A cat."),
        ("<thinking>one</thinking><thinking>two</thinking>A cat.", "A cat."),
        ("<reasoning>hm</reasoning>A cat < 3.", "A cat < 3."),
        ("The user wants a caption.</think>\nA cat.", "A cat."),
        ("<think></think>A cat.", "A cat."),
        ("<think>hm</think>", ""),
        ("<think>it never ends", ""),
    ],
)
def test_leading_thoughts_are_taken_off(text: str, rest: str) -> None:
    assert without_thoughts(text) == (rest, True)


@pytest.mark.parametrize(
    "text", ["", "A cat.", " A cat. ", "A sign says <b>think</b>.", "x <think> y", "1 < 2"]
)
def test_other_texts_stay_to_the_letter(text: str) -> None:
    assert without_thoughts(text) == (text, False)
