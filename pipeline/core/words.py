"""Numbers in sentences."""

from __future__ import annotations

from collections import Counter


def counted(number: int, noun: str, plural: str = "") -> str:
    """Number with its noun.

    >>> counted(1, "image"), counted(1200, "image"), counted(2, "batch", "batches")
    ('1 image', '1,200 images', '2 batches')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def duration(seconds: float) -> str:
    """ "3.4s", "12m 03s", "5h 07m"."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {rest:02}s"


def commonest(counter: Counter[str]) -> str:
    """Names of the commonest with their counts: "truncated 2, damaged 1"."""
    shown = ", ".join(f"{name} {count:,}" for name, count in counter.most_common(6))
    return shown if len(counter) <= 6 else f"{shown}, ..."
