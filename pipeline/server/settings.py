"""Server's settings: how long its batches take and what its account allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DAY = 86_400.0
LOCAL_MODEL = "captionmill-local-ssd-mobilenet-v2"
CLASSIFIER_MODEL = "captionmill-local-efficientnet-lite0"


@dataclass(frozen=True, slots=True)
class BatchDurations:
    """Durations of a batch, in seconds of the server's clock.

    Attributes:
        validate, finalize, cancel: time spent in `validating`, `finalizing`, `cancelling`.
        line: time a line takes; lines of one batch run one after another.
        run: time all lines of a batch take together, instead of `line` when above 0.
        expire: from creation to `expires_at`.
        background: from a background response's creation to its answer.
    """

    validate: float = 0.0
    line: float = 0.0
    run: float = 0.0
    finalize: float = 0.0
    cancel: float = 0.0
    expire: float = DAY
    background: float = 0.0

    def seconds_per_line(self, total: int) -> float:
        """Time that one of `total` lines takes."""
        return self.run / max(total, 1) if self.run > 0 else self.line


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Account's limits; None means unlimited.

    Attributes:
        upload_bytes: largest file of purpose batch (200 MB decimal).
        lines: most requests in one file.
        creates_per_hour: batch creates in a sliding hour.
        enqueued_tokens: prompt tokens over a model's unfinished batches, by model.
        requests_per_minute, tokens_per_minute: of the online endpoints.
        organization: the name used in the limit's message.
    """

    upload_bytes: int = 200_000_000
    lines: int = 50_000
    creates_per_hour: int = 2_000
    enqueued_tokens: Mapping[str, int] = field(default_factory=dict)
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    organization: str = "org-loopback"
