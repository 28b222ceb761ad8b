"""Pauses that a service asks for: in headers, in the JSON of its error, and in its words.

Retry-After (seconds or a date), Retry-After-Ms, Google's RetryInfo ("retryDelay": "1s"), and
sentences such as "try again in 7h12m0s" or "please retry in 1.2 seconds".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

ASKED = "; it asks for a pause of "
"""Words between those of a service and the span of its pause."""

_LONGEST = 7 * 86_400.0  # seconds
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(
    r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?"
    r"|s(?:ec(?:ond)?s?)?)(?![a-z])",
    re.IGNORECASE,
)
_SPAN = rf"(?:{_PART.pattern}[\s,]*(?:and\s+)?)+"
_SENTENCE = re.compile(rf"\b(?:retry(?:ing)?|again|wait)\b[^.\d]{{0,20}}({_SPAN})", re.IGNORECASE)
_RETRY_INFO = re.compile(r'"retry_?delay"\s*:\s*"(\d+(?:\.\d+)?)s"', re.IGNORECASE)
_PASSING = re.compile(
    r"\b(?:retry|try again) (?:in|after)\b|#token-limit|retry_?delay"
    r"|\bper[ -](?:min(?:ute)?|second)\b|\b[rt]p[ms]\b",
    re.IGNORECASE,
)


def pause_asked(headers: Mapping[str, str], text: str, now: float) -> float | None:
    """Longest wait that a service asks for, in seconds; None when it asks for none.

    Args:
        headers: of the answer, names in lower case or read without regard to it.
        text: the answer's body.
        now: seconds since the epoch, for a date in Retry-After.
    """
    inside = [float(value) for value in _RETRY_INFO.findall(text)]
    inside += [seconds for match in _SENTENCE.finditer(text) if (seconds := seconds_of(match[1]))]
    pauses = [retry_after(headers, now), *inside]
    known = [seconds for seconds in pauses if seconds is not None]
    return min(max(known), _LONGEST) if known else None


def is_passing(text: str) -> bool:
    """Recognise the words of a limit that ends by itself, whatever else they say of an account."""
    return _PASSING.search(text) is not None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds in Retry-After-Ms or Retry-After (a number or a date); None for neither."""
    milliseconds = _number(headers.get("retry-after-ms"))
    plain = headers.get("retry-after")
    seconds = milliseconds / 1000 if milliseconds is not None else _number(plain)
    if seconds is None and plain:
        import email.utils  # loads sockets, and dates are rare

        date = email.utils.parsedate_tz(plain)
        try:
            seconds = email.utils.mktime_tz(date) - now if date else None
        except (ValueError, OverflowError):
            return None
    return min(seconds, _LONGEST) if seconds is not None and seconds >= 0 else None


def seconds_of(text: str) -> float | None:
    """Span of time as services write it: "6m0s", "1.5s", "20ms", "1 minute", or plain seconds.

    >>> seconds_of("7h12m0s"), seconds_of("20ms"), seconds_of("12"), seconds_of("soon")
    (25920.0, 0.02, 12.0, None)
    """
    text = text.strip()
    plain = _number(text)
    if plain is not None:
        return plain if plain >= 0 else None
    if not text or not re.fullmatch(_SPAN, text, re.IGNORECASE):
        return None
    return sum(float(number) * _UNITS[_unit(unit)] for number, unit in _PART.findall(text))


def shown_span(seconds: float) -> str:
    """Span of time for people.

    >>> shown_span(42.3), shown_span(200), shown_span(7300)
    ('43 s', '4 min', '2 h 2 min')
    """
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def too_long(words: str, seconds: float, back: str, key: str) -> str:
    """Sentence about a pause longer than the configured one, which ends at `back`; `key` names
    the longest."""
    words, _, _ = words.partition(ASKED)
    return (
        f"{words.rstrip('.')}{ASKED}{shown_span(seconds)}, longer than {key}: "
        f"what is pending goes when you run again, after {back}"
    )


def _unit(word: str) -> str:
    word = word.lower()
    return "ms" if word.startswith(("ms", "milli")) else word[0]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
