"""Checks of one caption, and their false alarms on honest captions.

`captions/honest.txt` was written for this: 226 captions of many styles, in twenty-odd languages,
with quoted apologies, signs and prices, endings without a full stop and lists of tags. Every
threshold was chosen so that none of them raises an alarm.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config.model import DEFAULT_SYSTEM, DEFAULT_USER
from pipeline.core.caption_checks import (
    CaptionFinding,
    CheckRules,
    TextEncoder,
    caption_findings,
    runs_of,
)
from pipeline.core.caption_tokens import least_t5_tokens
from pipeline.core.caption_words import split_words
from pipeline.core.table_form import Affixes

HONEST = [
    line
    for line in (Path(__file__).parent / "captions" / "honest.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("# ")
]
PROMPT = runs_of([DEFAULT_SYSTEM, DEFAULT_USER], CheckRules().echo_words)


def findings(text: str, rules: CheckRules | None = None) -> list[CaptionFinding]:
    return list(caption_findings(text, split_words(text), rules or CheckRules(), PROMPT))


def kinds(text: str, rules: CheckRules | None = None) -> list[str]:
    return [finding.kind for finding in findings(text, rules)]


def test_honest_captions_raise_no_alarm() -> None:
    assert len(HONEST) > 200
    assert [(text, kinds(text)) for text in HONEST if kinds(text)] == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("A man at a desk. I cannot identify him.", "refusal"),
        ("The image shows a cat.", "opening"),
        ("Say what is visible, plainly and specifically, in one or two sentences.", "echo"),
        ("a cat and a cat and a cat and a cat", "loop"),
        ("no no no no no no", "loop"),
        ("A cat sits on a mat. " * 4, "loop"),
        ("猫在沙发上猫在沙发上猫在沙发上", "loop"),
        ("A woman in a red dress stands in front of the", "cut_off"),
        ("Ein Mann steht neben dem Auto und schaut auf die Uhr und", "cut_off"),
        ("A cat sleeps. Behind it stands a tall bookcase filled to the brim wi", "cut_off"),
        ("A cat, a dog,", "cut_off"),
        ("A bottle (with a", "cut_off"),
        ("**A cat**", "markup"),
        ('{"caption": "a cat"}', "markup"),
    ],
)  # fmt: skip
def test_what_no_caption_should_be(text: str, kind: str) -> None:
    assert kind in kinds(text)


def test_a_long_text_that_says_little_new() -> None:
    text = " ".join(f"the tall house number {n} is a tall house" for n in range(9))
    (finding,) = findings(text)
    assert (finding.kind, finding.detail) == ("loop", "the tall house")


def test_the_words_of_a_finding_are_said() -> None:
    said = findings("Sure: I cannot help, and the")
    assert {finding.kind: finding.detail for finding in said} == {
        "refusal": "I cannot help",
        "opening": "Sure:",
        "cut_off": "cannot help, and the",
    }


def test_a_template_is_no_echo_where_values_stand() -> None:
    runs = runs_of(["Describe {title} in one plain sentence for a shop, please."], 7)
    assert runs == {"in one plain sentence for a shop", "one plain sentence for a shop please"}


def test_the_trigger_word_counts_with_the_prefix() -> None:
    rules = CheckRules(trigger="ohwx")
    assert kinds("A man at a desk", rules) == ["trigger"]
    assert kinds("Ohwx, a man", rules) == []
    assert kinds("ohwxyz, a man", rules) == ["trigger"]
    assert kinds("A man at a desk", CheckRules("ohwx", affixes=Affixes("ohwx, "))) == []


def test_tokens_beyond_an_encoder() -> None:
    rules = CheckRules(encoders=(TextEncoder("t5_long", 4, least_t5_tokens, exact=False),))
    assert kinds("one two three", rules) == []
    (finding,) = findings("one two three four", rules)
    assert (finding.kind, finding.detail) == ("t5_long", "at least 5 tokens")
