"""Thoughts of a model that come before its answer, in tags."""

from __future__ import annotations

import re

from pipeline.core.service_words import THOUGHT_TAGS

_TAGS = f"(?:{'|'.join(THOUGHT_TAGS)})"
_OPENED = re.compile(rf"\s*<({_TAGS})>", re.IGNORECASE)
_CLOSED = re.compile(rf"</{_TAGS}>", re.IGNORECASE)


def without_thoughts(text: str) -> tuple[str, bool]:
    """(text behind the leading thoughts, whether there were any); "" when they never end.

    A template may hold the opening tag, and then the answer begins within the thoughts.

    >>> without_thoughts("<think>A cat?</think> A cat.")
    ('A cat.', True)
    >>> without_thoughts("A cat.")
    ('A cat.', False)
    """
    if "<" not in text:
        return text, False
    rest = text
    while opened := _OPENED.match(rest):
        end = re.compile(rf"</{opened[1]}>", re.IGNORECASE).search(rest, opened.end())
        if end is None:
            return "", True
        rest = rest[end.end() :].lstrip()
    if closed := _CLOSED.search(rest):
        rest = rest[closed.end() :].lstrip()
    return rest, rest is not text
