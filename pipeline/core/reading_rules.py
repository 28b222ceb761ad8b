"""Numbered rules for reading answers: what older rules read, they read again.

Version 1 (captionmill 0.1 and 0.2): any ending but `length` and `content_filter` is whole, all
parts of a message are glued together, `total_tokens` is not read, an answer has the wrapping of
batch files. Version 2: `core.endings`, `core.thoughts`, `core.usage` and the words of
`core.service_words` as they stand.
"""

from __future__ import annotations

from msgspec import Struct

CURRENT = 2
"""Version of what is read today; another version needs a branch where the two differ."""


class ReadingRules(Struct, frozen=True):
    """Rules for answers of one model.

    Attributes:
        version: see the module.
        whole_endings: further words of an ending, in lower case, that the user declares whole; ""
            is a missing one.
    """

    version: int = CURRENT
    whole_endings: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a version that this program does not know with a ValueError."""
        if not 1 <= self.version <= CURRENT:
            raise ValueError(f"answers are read by rules 1 to {CURRENT}, not by {self.version}")


TODAY = ReadingRules()
