"""Groups of online requests, as the dispatcher sends them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from pipeline.stages.online.journal import Journal

Request = tuple[str, dict[str, Any]]
"""custom_id and body."""


@dataclass(slots=True, eq=False)
class Group:
    """Requests with one reservation and one journal.

    Attributes:
        row: the ledger's batch row.
        requests: what was not sent yet.
        tokens: prompt tokens of one request, for the limits.
        pending: responses that an earlier run left to be read: ids of requests and of responses.
        left: requests without an answer.
        in_flight: requests under way, and responses that are awaited.
    """

    row: int
    journal: Journal
    requests: deque[Request]
    tokens: int
    pending: dict[str, str] = field(default_factory=dict)
    left: int = field(init=False)
    in_flight: int = 0

    def __post_init__(self) -> None:
        """Nothing is answered yet."""
        self.left = len(self.requests) + len(self.pending)
