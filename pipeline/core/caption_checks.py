"""Checks of one caption that need nothing but its words: no model, no picture, no other caption.

Their thresholds were chosen by false alarms on honest captions, see its test.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from operator import eq

from pipeline.core.caption_phrases import AS_MODEL, MARKUP, OPENING, REFUSAL, UNENDING
from pipeline.core.caption_words import language_of, split_words
from pipeline.core.table_form import Affixes

_ABOUT_A_MODEL = frozenset(("i", "ai", "language"))
_SIGNS = frozenset("`#*_[{<&\\\n")  # one of them is in every kind of markup
_LOOP_TIMES, _LOOP_WORDS, _LOOP_LONGEST = 3, 6, 12
_LONG, _FRESH = 40, 0.5  # words; share of different threes of words in a long text
_ENDED = re.compile(r"[.!?…。！？．｡।؟]['\"”’»」』)\]*]*(?:\s|$)")
_END = re.compile(r"[.!?…。！？．｡।؟:;)\]}\"'”’»」』》】*]\s*$")
_DANGLING = re.compile(r"(?:[,;(\[{/&+、，]|(?<=\w)-|(?<!-)[-–—])\s*$")
_SCENE_ENDS = 25  # characters after the last sentence that are a caption's own ending: "Text: SALE"


@dataclass(frozen=True, slots=True)
class CaptionFinding:
    """Finding about a caption: a word of `core.audit`, and what in the text it is about."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """Reader of captions with a limit: the finding of longer ones, most tokens, their counter, and
    whether it counts exactly or from below."""

    kind: str
    most: int
    count: Callable[[str], int] = field(repr=False)
    exact: bool


@dataclass(frozen=True, slots=True)
class CheckRules:
    """Rules of the checks.

    Attributes:
        trigger: word that every caption must hold, "" for none.
        echo_words: so many words in a row of the prompt are an echo.
        affixes: put around each caption when it is written; trigger and tokens are about all.
        encoders: the text encoders to stay below.
    """

    trigger: str = ""
    echo_words: int = 7
    affixes: Affixes = field(default_factory=Affixes)
    encoders: tuple[TextEncoder, ...] = ()


def caption_findings(
    text: str, words: Sequence[str], rules: CheckRules, prompt_runs: Collection[str] = ()
) -> Iterator[CaptionFinding]:
    """Findings about one caption.

    Args:
        text: as the service or a person wrote it, without prefix and suffix.
        words: of the text, see `split_words`.
        prompt_runs: see `runs_of`.
    """
    refusal = REFUSAL.match(text)
    if refusal is None and not _ABOUT_A_MODEL.isdisjoint(words):
        refusal = AS_MODEL.search(text)
    for kind, match in (("refusal", refusal), ("opening", OPENING.match(text))):
        if match:
            yield CaptionFinding(kind, " ".join(match[0].split()))
    if echo := _echo(words, rules.echo_words, prompt_runs):
        yield CaptionFinding("echo", echo)
    if loop := _loop(words):
        yield CaptionFinding("loop", loop)
    if end := _cut_off(text, words):
        yield CaptionFinding("cut_off", end)
    if markup := _markup(text):
        yield CaptionFinding("markup", markup)
    written = rules.affixes.of(text)
    for encoder in rules.encoders:
        if (tokens := encoder.count(written)) > encoder.most:
            yield CaptionFinding(
                encoder.kind, f"{'' if encoder.exact else 'at least '}{tokens:,} tokens"
            )
    if rules.trigger and not _holds(written, rules.trigger):
        yield CaptionFinding("trigger", f"no {rules.trigger!r}")


def runs_of(texts: Sequence[str], count: int) -> frozenset[str]:
    """Every `count` words in a row of some texts; a prompt's, between its {names}."""
    runs: set[str] = set()
    for text in texts:
        for part in re.split(r"\{[^{}\n]*\}", text):
            words = split_words(part)
            runs.update(" ".join(run) for run in zip(*_shifted(words, count), strict=False))
    return frozenset(runs)


def _shifted(words: Sequence[str], count: int) -> list[Sequence[str]]:
    return [words[start:] for start in range(count)]


def _echo(words: Sequence[str], count: int, prompt_runs: Collection[str]) -> str:
    if not prompt_runs or len(words) < count:
        return ""
    runs = (" ".join(words[start : start + count]) for start in range(len(words) - count + 1))
    return next((run for run in runs if run in prompt_runs), "")


def _markup(text: str) -> str:
    if _SIGNS.isdisjoint(text):
        return ""
    return next((name for name, pattern in MARKUP.items() if pattern.search(text)), "")


def _loop(words: Sequence[str]) -> str:
    """Words that come again and again: three times at least, six words at least; or a long text
    that says little new."""
    for size in range(1, min(_LOOP_LONGEST, len(words) // _LOOP_TIMES) + 1):
        wanted = max(size * (_LOOP_TIMES - 1), _LOOP_WORDS - size)
        if sum(map(eq, words, words[size:])) < wanted:
            continue
        run = 0
        for place, same in enumerate(map(eq, words, words[size:])):
            run = run + 1 if same else 0
            if run >= wanted:
                return " ".join(words[place + 1 - run : place + 1 - run + size])
    if len(words) >= _LONG:
        threes = list(zip(words, words[1:], words[2:], strict=False))
        if len(set(threes)) < _FRESH * len(threes):
            return " ".join(Counter(threes).most_common(1)[0][0])
    return ""


def _cut_off(text: str, words: Sequence[str]) -> str:
    """End of a text that breaks off: after a word or mark that wants more, or in the middle of a
    sentence that follows whole ones."""
    text = text.rstrip()
    if not words or (_END.search(text) and not _DANGLING.search(text)):
        return ""
    ending = " ".join(text[-40:].split()[-4:])
    if _DANGLING.search(text):
        return ending
    if text[-1].isalpha() and words[-1] in UNENDING.get(language_of(text, words) or "English", ()):
        return ending
    ends = [match.end() for match in _ENDED.finditer(text)]
    if ends and text[-1].isalnum() and len(text) - ends[-1] > _SCENE_ENDS:
        return ending
    return ""


def _holds(text: str, trigger: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", text, re.IGNORECASE) is not None
