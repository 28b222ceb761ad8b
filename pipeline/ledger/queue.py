"""Service's queue of each model: how full it is, and the limit learned from refusals."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.ledger.database import Database

_TYPICAL_PROMPT = 500  # prompt tokens of a request when none of ours tells


class Queue:
    """Prompt tokens of unfinished batches (tables `shards` and `calibration`)."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def ours(self, model: str) -> int:
        """Expected prompt tokens of the model's unfinished batches of ours."""
        return self._db.number(
            "SELECT SUM(prompt_tokens) FROM shards WHERE model = ? "
            "AND state IN ('CREATING', 'SUBMITTED')",
            (model,),
        )

    def limit(self, model: str) -> int | None:
        """Queue limit learned from a refusal, or None."""
        row = self._db.one("SELECT queue_limit FROM calibration WHERE model = ?", (model,))
        return None if row is None or row[0] is None else int(row[0])  # type: ignore[call-overload]

    def foreign(self, model: str) -> int:
        """Prompt tokens of the model's foreign unfinished batches, as last listed."""
        return self._db.number("SELECT queued_elsewhere FROM calibration WHERE model = ?", (model,))

    def note_foreign(self, requests: Mapping[str, int]) -> None:
        """Remember the requests of foreign unfinished batches by model, as prompt tokens of our own
        requests' average size."""
        self._db.execute("UPDATE calibration SET queued_elsewhere = 0")
        for model, count in requests.items():
            average = self._db.number(
                "SELECT SUM(prompt_tokens) / MAX(1, SUM(requests)) FROM shards WHERE model = ?",
                (model,),
            )
            self._db.execute(
                "INSERT INTO calibration (model, queued_elsewhere) VALUES (?, ?) "
                "ON CONFLICT (model) DO UPDATE SET queued_elsewhere = excluded.queued_elsewhere",
                (model, count * (average or _TYPICAL_PROMPT)),
            )

    def learn_limit(self, model: str, limit: int) -> None:
        """Remember the limit that the service named."""
        self._db.execute(
            "INSERT INTO calibration (model, queue_limit) VALUES (?, ?) "
            "ON CONFLICT (model) DO UPDATE SET queue_limit = excluded.queue_limit",
            (model, limit),
        )
