"""Report of a reading: what is odd about a batch's files, and how the batch ends with them."""

from __future__ import annotations

from msgspec import Struct, field

from pipeline.core.batch_results import Doubt
from pipeline.ledger.answers import Ending

_REPORTED = 20  # incidents of one kind that are spelled out for one batch


class Unexplained(Exception):
    """Files that do not explain their batch yet: nothing of it is final."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt.text)
        self.doubt = doubt


class ReadReport(Struct):
    """Oddities of a batch's files: (kind, sentence).

    Attributes:
        doubt: requests without an answer that keep the batch open, None for a whole one.
        lost: a person ended a batch that does not decide about its shard, or of which some requests
            are unknown: what it may have been billed beyond its answers is not known.
    """

    incidents: list[tuple[str, str]] = field(default_factory=list)
    doubt: Doubt | None = None
    lost: bool = False
    _counts: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, text: str) -> None:
        """Add an oddity; a flood of one kind is cut short."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] <= _REPORTED:
            self.incidents.append((kind, text))

    def ends(self) -> Ending:
        """Decide how the batch ends with what was read."""
        if self.doubt is not None:
            return "open"
        return "lost" if self.lost else "whole"
