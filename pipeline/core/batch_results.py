"""Explanation of a terminal batch: do its files answer every request of it?

A service may show a batch as over before its files, their ids or its counts are there, and a
download may be cut after a whole line. So the first terminal look decides nothing: what the files
and the counts leave open is looked at again, and only what agrees is final.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from pipeline.core.words import counted

FEWEST_INSPECTIONS = 3
"""Looks before a doubt is said to a person, however short the grace."""

_LONG = 3600  # seconds after which a second look is enough: nobody was waiting in between


class BatchCounts(Struct, frozen=True):
    """End of a batch as the service shows it.

    Attributes:
        status: a terminal one.
        total, completed, failed: its `request_counts`, None where it gives none.
        began: whether it was ever in progress, None where the service does not say.
        reason: it says why it failed as a whole.
    """

    status: str
    total: int | None
    completed: int | None
    failed: int | None
    began: bool | None = None
    reason: bool = True


class LineCounts(Struct, frozen=True):
    """Counts of requests by what the files say of them.

    Attributes:
        answered: with a reply.
        unrun: that certainly never ran.
        silent: whose line has neither an answer nor an error; they may have run.
        failed: with an error of their own.
    """

    answered: int = 0
    unrun: int = 0
    silent: int = 0
    failed: int = 0

    @property
    def explained(self) -> int:
        """Requests whose lines say what became of them."""
        return self.answered + self.failed + self.unrun


class Doubt(Struct, frozen=True):
    """Requests that are not explained, in words; `passes` when time alone proves that no other
    request ran."""

    text: str
    passes: bool = False


def doubt_about(
    counts: BatchCounts,
    requests: int,
    lines: LineCounts,
    unexplained: int = 0,
    *,
    incomplete: bool = False,
) -> Doubt | None:
    """Doubt that the files of a batch leave about its requests, None when all are explained.

    Args:
        requests: how many the ledger sent, 0 when it does not know.
        unexplained: tokens that the batch's own usage has beyond its lines, as many as one request
            has at least; else 0.
        incomplete: a file that the service names is not here as a whole, so that time proves
            nothing.
    """
    expected = requests or counts.total or 0
    doubt = _doubt(counts, expected, lines)
    if unexplained and (lines.unrun if doubt is None else doubt.passes):
        return Doubt(_usage_words(expected, lines, unexplained))
    return Doubt(doubt.text) if doubt is not None and incomplete else doubt


def _usage_words(expected: int, lines: LineCounts, unexplained: int) -> str:
    unrun = max(expected - lines.explained, 0) + lines.unrun
    return (
        f"its own usage is {unexplained:,} tokens more than that of its lines, by which "
        f"{unrun:,} of {expected:,} requests never ran"
    )


def _doubt(counts: BatchCounts, expected: int, lines: LineCounts) -> Doubt | None:
    """Doubt by counts and lines alone."""
    if expected and lines.explained >= expected:
        return None
    ran = (counts.completed or 0) + (counts.failed or 0)
    if counts.status == "failed" and not (ran or lines.explained or lines.silent):
        return None if counts.reason else Doubt("it failed without a reason", passes=True)
    disagreement = _disagreement(counts, expected, lines)
    if disagreement:
        return Doubt(disagreement)
    # they agree that the rest never ran, but may all be late: only time can show that
    return Doubt(f"{_absent(expected, lines)}, and its counts say that they never ran", passes=True)


def _disagreement(counts: BatchCounts, expected: int, lines: LineCounts) -> str:
    """Words for files and counts that do not agree on requests without a line, "" if they do."""
    absent = _absent(expected, lines)
    if lines.silent:
        return f"{absent}: {counted(lines.silent, 'line')} with neither an answer nor an error"
    if counts.completed is None or counts.failed is None:
        return f"{absent}, and the service gives no counts"
    numbers = f"{absent}: {counts.completed} completed and {counts.failed} failed by its counts"
    if lines.answered < counts.completed or lines.explained < counts.completed + counts.failed:
        return numbers
    if counts.status not in ("expired", "cancelled"):
        return numbers
    never_began = not counts.total and counts.began is False
    if counts.total is not None and counts.total != expected and not never_began:
        return f"{absent}: {counted(counts.total, 'request')} by its counts"
    return ""


def _absent(expected: int, lines: LineCounts) -> str:
    if not expected:
        return "nothing tells how many requests it had"
    return f"its files do not answer {expected - lines.explained:,} of {expected:,} requests"


_MOST_REQUESTS = 1_000_000  # of a batch whose number of requests nobody knows
_MOST_TOKENS = 128_000  # of an answer whose limit nobody knows
_TOKEN_BYTES, _LINE_BYTES, _FILE_BYTES = 256, 1 << 16, 1 << 24


def most_result_bytes(requests: int, max_tokens: int | None) -> int:
    """Bytes of a result file that `requests` of at most `max_tokens` each can explain, generously.
    More would fill the disk with what is no answers."""
    tokens = _MOST_TOKENS if max_tokens is None else max_tokens
    return _FILE_BYTES + (requests or _MOST_REQUESTS) * (_LINE_BYTES + _TOKEN_BYTES * tokens)


Verdict = Literal["final", "again", "person"]


def verdict_on(
    doubt: Doubt | None, seconds: int, inspections: int, grace: int, steady: int
) -> Verdict:
    """Decision about a batch: it is final, it is looked at again, or a person decides (and it
    stays open to later looks).

    Args:
        seconds: that have certainly passed since the first look that left a doubt.
        inspections: that left one, this one included.
        grace: seconds that a service may lag behind itself.
        steady: seconds since the first of the looks that all left just this doubt.
    """
    if doubt is None:
        return "final"
    if seconds < grace or inspections < (2 if seconds >= _LONG else FEWEST_INSPECTIONS):
        return "again"
    if doubt.passes:  # counts that are still growing agree with lines that still come
        return "final" if steady >= grace else "again"
    return "person"


class Inspection(Struct, frozen=True):
    """Inspection of the end of a batch.

    Attributes:
        seconds, inspections: since the first that left a doubt; how many there were.
        last, steady: words of the doubt that the last one left, None for none, and seconds since
            the first of those that left just this one.
        grace: seconds that the service may lag behind itself.
        began: whether the batch was ever in progress, None when nobody says.
        written_off: a person decided that nothing more will come.
        incomplete: a file that the service names is not here as a whole.
    """

    seconds: int = 0
    inspections: int = FEWEST_INSPECTIONS
    last: str | None = None
    steady: int = 0
    grace: int = 0
    began: bool | None = None
    written_off: bool = False
    incomplete: bool = False

    def verdict(self, doubt: Doubt | None) -> Verdict:
        """Decision about a batch that leaves this doubt."""
        if self.written_off:
            return "final"
        steady = self.steady if doubt is not None and doubt.text == self.last else 0
        return verdict_on(doubt, self.seconds, self.inspections, self.grace, steady)
