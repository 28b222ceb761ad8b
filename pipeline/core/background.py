"""Background responses: accepted at once, answered within a window, read by their id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from pipeline.core.lenient_json import Unreadable, parse_json

_UNFINISHED = ("queued", "in_progress")
_CANCELLED = ("cancelled", "cancelling")
_LOOKS = 60  # at a response in its window


class BackgroundPace(Struct, frozen=True):
    """Pace of reading.

    Attributes:
        window: seconds within which the service means to answer.
        first: seconds until the first look, and then as long again as a response is old.
        most: responses under way at once.
        patience: seconds for which a service that gives no usable answer is asked again.
        once: a response that is not over is left alone after one look.
        cancel: it is cancelled before that look.
    """

    window: float
    first: float
    most: int
    patience: float
    once: bool = False
    cancel: bool = False

    def delay(self, age: float) -> float:
        """Seconds until the next look at a response of this age."""
        return max(self.first, min(age / 2, self.window / _LOOKS))


def unfinished_response(body: bytes) -> str:
    """Id of a response that is not over, "" for any other body."""
    value = _response(body)
    name = value.get("id")
    named = isinstance(name, str) and name.isascii() and name.isprintable() and " " not in name
    return str(name) if named and value.get("status") in _UNFINISHED else ""


def is_cancelled(body: bytes) -> bool:
    """Recognise a response that was cancelled before it was answered."""
    value = _response(body)
    return value.get("status") in _CANCELLED and not value.get("usage")


def _response(body: bytes) -> Mapping[str, Any]:
    try:
        value = parse_json(body)
    except Unreadable:
        return {}
    return value if isinstance(value, dict) and value.get("object") == "response" else {}
