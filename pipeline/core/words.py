"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """Number with its noun.

    >>> counted(1, "image"), counted(1200, "image"), counted(2, "batch", "batches")
    ('1 image', '1,200 images', '2 batches')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
