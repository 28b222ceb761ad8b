"""Floor of collect: the least that is as durable and leaves one row an answer.

A line is kept, parsed by its types and written as a row of a table like the ledger's own, with its
keys: the work, and batch, work and attempt. They are integers that ascend, so that rows come at the
end of the table and of both indexes. Nothing is judged, priced or looked up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pipeline.stages.raw_files import store_compressed


class _Message(msgspec.Struct, gc=False):
    content: str


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: str


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int
    completion_tokens: int


class _Body(msgspec.Struct, gc=False):
    model: str
    choices: list[_Choice]
    usage: _Usage


class _Response(msgspec.Struct, gc=False):
    body: _Body
    request_id: str


class _Line(msgspec.Struct, gc=False):
    custom_id: str
    response: _Response


class CollectFloor:
    """Table of its own, as durable as the ledger, and copied out of its log as seldom."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._db = sqlite3.connect(folder / "floor.db", isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536",
                       "wal_autocheckpoint = 16384"):  # fmt: skip
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(
            "CREATE TABLE answers (id INTEGER PRIMARY KEY, work INTEGER NOT NULL, "
            "attempt INTEGER NOT NULL, batch INTEGER NOT NULL, outcome TEXT NOT NULL, "
            "caption TEXT, code TEXT NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER, "
            "price_version TEXT, served_model TEXT, request_id TEXT, received_at INTEGER NOT NULL, "
            "UNIQUE (batch, work, attempt)) STRICT"
        )
        self._db.execute("CREATE INDEX answers_of_work ON answers (work)")
        self._work = 0
        self._decode = msgspec.json.Decoder(_Line).decode

    def settle(self, path: Path) -> None:
        """Keep and record one output file."""
        store_compressed(path, self._folder / f"{path.name}.gz")
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "INSERT INTO answers (work, attempt, batch, outcome, caption, code, prompt_tokens, "
            "completion_tokens, price_version, served_model, request_id, received_at) "
            "VALUES (?, 1, 1, 'captioned', ?, ?, ?, ?, 'bench', ?, ?, 0)",
            self._rows(path),
        )
        self._db.execute("COMMIT")

    def _rows(self, path: Path) -> Iterator[tuple[object, ...]]:
        with path.open("rb") as stream:
            for raw in stream:
                line = self._decode(raw)
                body = line.response.body
                choice, usage = body.choices[0], body.usage
                self._work += 1
                yield (self._work, choice.message.content, choice.finish_reason,
                       usage.prompt_tokens, usage.completion_tokens, body.model,
                       line.response.request_id)  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._db.close()
