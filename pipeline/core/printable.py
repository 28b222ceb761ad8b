"""Words of a service made fit to be shown: printable and bounded."""

from __future__ import annotations

_LONGEST_REASON = 500
_LONGEST_WORD = 200


def words_of(value: object) -> str:
    """Printable words for a person, "" for anything but a text."""
    if not isinstance(value, str):
        return ""
    text = value[:_LONGEST_REASON]
    if text.isprintable():
        return text.strip()
    return "".join(c if c.isprintable() else " " for c in text).strip()


def word_of(value: object) -> str:
    """One word or number as a service gives it, "" for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**_LONGEST_WORD else ""
    return words_of(value)[:_LONGEST_WORD]
