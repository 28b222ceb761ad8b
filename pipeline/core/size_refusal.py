"""Refusals of requests that are too large, in the words of a limit that would pass.

OpenAI (HTTP 429) and Groq (413): "Request too large for MODEL ... on tokens per minute (TPM):
Limit 6000, Requested 9337". A limit that is only used up names less than itself.
"""

from __future__ import annotations

import re

REQUEST_TOO_LARGE = "request_too_large"
"""Code of a request that is larger than the service ever takes."""

_NUMBER = r"\D{1,3}(\d[\d,]*)"
_LIMIT = re.compile(rf"\blimit{_NUMBER}", re.IGNORECASE)
_REQUESTED = re.compile(rf"\brequested{_NUMBER}", re.IGNORECASE)
_TOO_LARGE = re.compile(
    r"\b(?:request|payload|body|entity|content|message|prompt|input|context|image)s?\b[^.:]{0,30}"
    r"\btoo (?:large|big|long)\b|\brequest_too_large\b|\brequest entity too large\b",
    re.IGNORECASE,
)


def is_too_large(words: str) -> bool:
    """Recognise a refusal that no waiting cures.

    >>> is_too_large("Rate limit reached: Limit 6000, Used 5000, Requested 2000. Try again in 6s")
    False
    >>> is_too_large("tokens per minute: Limit 6,000, Requested 9,337")
    True
    """
    limit, requested = _LIMIT.search(words), _REQUESTED.search(words)
    if limit and requested:
        return _number(requested[1]) > _number(limit[1])
    return _TOO_LARGE.search(words) is not None


def _number(text: str) -> int:
    return int(text.replace(",", ""))
