"""Server's bill: one row per answer that was really given, and a log of requests.

No endpoint shows it, so the product cannot see it; tests ask a running server's `bill` or open
the `server.db` of one that runs in another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.server.database import ServerDatabase
from pipeline.server.prices import TokenCounts


@dataclass(frozen=True, slots=True)
class BilledAnswer:
    """One answer on the bill. `batch_id` and `custom_id` are None for an online request.

    Attributes:
        time: seconds of the server's clock.
        request: SHA-256 of everything that shapes the answer (the canonical body).
        image: SHA-256 of the first image's bytes, None without an image.
        prompt: SHA-256 of the user's text.
        nano: what it cost, in nano-dollars.
    """

    time: float
    batch_id: str | None
    custom_id: str | None
    request: bytes
    image: bytes | None
    prompt: bytes
    model: str
    usage: TokenCounts
    nano: int


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One HTTP request. `status` 0 means that the connection was dropped on purpose."""

    time: float
    method: str
    path: str
    status: int
    fault: str | None


class Bill:
    """Writes and reads the bill in the server's database."""

    def __init__(self, database: ServerDatabase) -> None:
        self._database = database

    @classmethod
    def open(cls, state_dir: Path) -> Bill:
        """Books of a server in another process (or of one that is gone), read-only."""
        return cls(ServerDatabase(state_dir / "server.db", read_only=True))

    def charge(self, rows: list[BilledAnswer]) -> None:
        """Add answers to the bill; joins the transaction that is open in this thread."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO bill (time, batch_id, custom_id, request, image, prompt, model, "
                "prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, "
                "reasoning_tokens, nano) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_values(row) for row in rows],
            )

    def log(self, seen: LoggedRequest) -> None:
        """Note one HTTP request."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO requests (time, method, path, status, fault) VALUES (?, ?, ?, ?, ?)",
                (seen.time, seen.method, seen.path, seen.status, seen.fault),
            )

    def total_nano(self) -> int:
        """Everything billed so far."""
        return int(self._database.value("SELECT coalesce(sum(nano), 0) FROM bill"))

    def rows(self) -> list[BilledAnswer]:
        """Whole bill, oldest first."""
        rows = self._database.read("SELECT * FROM bill ORDER BY seq")
        return [
            BilledAnswer(
                time=row["time"],
                batch_id=row["batch_id"],
                custom_id=row["custom_id"],
                request=row["request"],
                image=row["image"],
                prompt=row["prompt"],
                model=row["model"],
                usage=TokenCounts(
                    prompt=row["prompt_tokens"],
                    completion=row["completion_tokens"],
                    cached=row["cached_tokens"],
                    cache_write=row["cache_write_tokens"],
                    reasoning=row["reasoning_tokens"],
                ),
                nano=row["nano"],
            )
            for row in rows
        ]

    def times_billed(self) -> dict[tuple[bytes | None, bytes, str], int]:
        """Times each (image, prompt, model) was billed."""
        rows = self._database.read(
            "SELECT image, prompt, model, count(*) AS times FROM bill GROUP BY image, prompt, model"
        )
        return {(row["image"], row["prompt"], row["model"]): row["times"] for row in rows}

    def billed_again(self) -> dict[tuple[bytes | None, bytes, str], int]:
        """Entries of `times_billed` above 1: empty when nothing was paid twice."""
        return {key: times for key, times in self.times_billed().items() if times > 1}

    def requests(self, method: str | None = None, path: str | None = None) -> list[LoggedRequest]:
        """HTTP requests in order, of one method and below one path if given."""
        rows = self._database.read(
            "SELECT time, method, path, status, fault FROM requests "
            "WHERE (? IS NULL OR method = ?) AND (? IS NULL OR path LIKE ? || '%') "
            "ORDER BY seq",
            (method, method, path, path),
        )
        return [LoggedRequest(*row) for row in rows]

    def close(self) -> None:
        """Close books opened with `open`."""
        self._database.close()


def _values(row: BilledAnswer) -> tuple[object, ...]:
    usage = row.usage
    counts = (usage.prompt, usage.cached, usage.cache_write, usage.completion, usage.reasoning)
    return (
        *(row.time, row.batch_id, row.custom_id),
        *(row.request, row.image, row.prompt, row.model),
        *counts,
        row.nano,
    )
