"""Decisions of a download: what an answer means, whether to ask again, and when."""

from __future__ import annotations

import re
from datetime import datetime

from msgspec import Struct

from pipeline.core.reasons import DOWNLOAD, rejection
from pipeline.records import Rejection

SETTLED = frozenset({"not_found", "not_an_image", "placeholder"})
"""What a site said for good: not asked again until a re-check is due."""

GONE = frozenset({"not_found", "too_large_file"})
"""The site has no such image any more: an earlier copy does not count."""

DOUBTFUL = frozenset({"not_an_image", "placeholder"})
"""News about a site (a challenge, a login, a page of errors) in place of an image: an earlier copy
counts, and the address is asked again in the next run."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 20

LONGEST_WAIT = 60.0
"""Seconds; a site that asks for a longer pause is left for another run."""

_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
_HEAD = 512
_MARKUP = re.compile(
    # atomic: comments are skipped in one way only, or a page of them would take for ever
    rb"(?>(?:<!--.*?-->|\s)*)<(?:!doctype\s+html|html|head|body|script|title|meta)\b",
    re.DOTALL | re.IGNORECASE,
)


class Failure(Struct, frozen=True):
    """Download that failed.

    Attributes:
        rejection: what is recorded.
        passing: another try may do better.
        retry_after: seconds the site asked us to wait, None when it did not.
    """

    rejection: Rejection
    passing: bool = False
    retry_after: float | None = None


def refusal(code: str, detail: str = "") -> Rejection:
    """Recorded reason of a download, see `core.reasons`."""
    return rejection(code, detail, DOWNLOAD)


def status_failure(status: int, retry_after: float | None = None) -> Failure | None:
    """Failure that an HTTP status means which is no redirect; None: the body is the image."""
    if status in (200, 203):
        return None
    if status in _GONE:
        return Failure(refusal("not_found", f"HTTP status {status}"))
    unusable = refusal("http_error", f"HTTP status {status}")
    return Failure(unusable, status in _BUSY or asks_for_pause(status, retry_after), retry_after)


def asks_for_pause(status: int, retry_after: float | None) -> bool:
    """Tell whether an HTTP status is about how often the host is asked, not about the image."""
    return status == 429 or (status in (403, 503) and retry_after is not None)


def retry_pause(failure: Failure, attempt: int, first: float, jitter: float) -> float | None:
    """Seconds until the next try after `attempt` (counted from 0); None: do not try again.

    `first` is the first pause, doubled each time; `jitter` (0 to 1) spreads it over its half.
    """
    if not failure.passing:
        return None
    requested = failure.retry_after or 0.0
    if requested > LONGEST_WAIT:
        return None
    pause = float(min(first * 2.0**attempt, LONGEST_WAIT)) * (0.5 + jitter / 2)
    return max(pause, requested)


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header: a number or a date (RFC 9110, 10.2.3); None: unusable."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    from email.utils import parsedate_to_datetime  # loads sockets, and dates are rare

    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a time zone
        return None


def not_an_image(head: bytes) -> str | None:
    """Reason why a body with this beginning is certainly no image, else None; 512 bytes are enough.

    Only what is obvious: the preparation looks closer later.
    """
    head = head[:_HEAD].removeprefix(b"\xef\xbb\xbf")
    if not head:
        return "the answer is empty"
    if _MARKUP.match(head):
        return "it is a web page"
    if head.lstrip()[:1] in (b"{", b"["):
        return "it is JSON"
    if head.startswith(b"%PDF-"):
        return "it is a PDF document"
    if head.startswith((b"PK\3\4", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
        return "it is an archive"
    return None
