"""Ledger as the stages use it: one object with one member a concern."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Set
from pathlib import Path

from pipeline.errors import BooksError, CaptionmillError, StorageError
from pipeline.ledger.adoption import Adoption
from pipeline.ledger.answers import Answers
from pipeline.ledger.audit import Audit
from pipeline.ledger.batches import Batches
from pipeline.ledger.changed_charges import ChargeChanges
from pipeline.ledger.changed_rows import ChangedRows
from pipeline.ledger.database import Database
from pipeline.ledger.due import Due
from pipeline.ledger.existing_texts import ExistingTexts
from pipeline.ledger.handed_out import HandedOut
from pipeline.ledger.images import Images
from pipeline.ledger.integrity import integrity
from pipeline.ledger.known_sources import KnownSources
from pipeline.ledger.near_duplicates import NearDuplicates
from pipeline.ledger.queue import Queue
from pipeline.ledger.quoted import Quoted
from pipeline.ledger.rechecks import Rechecks
from pipeline.ledger.reservations import Reservations
from pipeline.ledger.rows import Rows
from pipeline.ledger.shards import Shards
from pipeline.ledger.specs import Specs
from pipeline.ledger.spending import SpendingRows
from pipeline.ledger.text_folders import TextFolders
from pipeline.ledger.unseen import Unseen
from pipeline.ledger.works import Works

_FORMER_IDS = "former_workspace_ids"  # key in `meta`


class Ledger:
    """One ledger file over one connection; each member is a module of this package."""

    def __init__(self, path: Path, *, read_only: bool = False, private: bool = False) -> None:
        """Open the file; `read_only` and `private` as in `Database`."""
        self.database = Database(path, read_only=read_only, private=private)
        self.images = Images(self.database)
        self.unseen = Unseen(self.database)
        self.due = Due(self.database)
        self.sources = KnownSources(self.database)
        self.specs = Specs(self.database)
        self.works = Works(self.database)
        self.existing_texts = ExistingTexts(self.database)
        self.rechecks = Rechecks(self.database)
        self.near_duplicates = NearDuplicates(self.database)
        self.shards = Shards(self.database)
        self.adoption = Adoption(self.database)
        self.batches = Batches(self.database)
        self.queue = Queue(self.database)
        self.handed_out = HandedOut(self.database)
        self.reservations = Reservations(self.database)
        self.answers = Answers(self.database)
        self.rows = Rows(self.database)
        self.changed_rows = ChangedRows(self.database)
        self.charge_changes = ChargeChanges(self.database)
        self.text_folders = TextFolders(self.database)
        self.spending = SpendingRows(self.database)
        self.quoted = Quoted(self.database)
        self.audit = Audit(self.database)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if isinstance(error, Exception) and not isinstance(error, CaptionmillError):
                self._blame_damage(error)
        finally:
            self.close()

    def _blame_damage(self, error: Exception) -> None:
        """Blame a damaged file for what else would be called a bug.

        Raises:
            BooksError: SQLite finds damage.
        """
        with contextlib.suppress(sqlite3.Error):  # closed, or too damaged to be looked at
            try:
                damage = integrity(self.database)
            except StorageError:
                return
            if damage:
                raise BooksError(
                    f"{self.database.path} is damaged ({damage[0]}): run 'captionmill rebuild'"
                ) from error

    # -- facts about the workspace -------------------------------------------------------------

    def get(self, key: str) -> str | None:
        """Remembered fact, or None."""
        row = self.database.one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def put(self, key: str, value: str | None) -> None:
        """Remember a fact; None forgets it."""
        if value is None:
            self.database.execute("DELETE FROM meta WHERE key = ?", (key,))
        else:
            self.database.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) "
                "DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def workspace_id(self, remembered: str | None = None) -> str:
        """Random id that our batches carry in their metadata, made once, or the `remembered` one of
        a ledger that was lost."""
        known = self.get("workspace_id")
        if known is None:
            known = remembered or secrets.token_hex(8)
            self.put("workspace_id", known)
        return known

    def former_ids(self) -> frozenset[str]:
        """Ids that this workspace had before it became one of its own."""
        return frozenset((self.get(_FORMER_IDS) or "").split())

    def ids(self) -> frozenset[str]:
        """Ids that this workspace has and had; none before its first command."""
        own = self.get("workspace_id")
        return self.former_ids() if own is None else self.former_ids() | {own}

    def identify(self, workspace_id: str | None = None, former: Set[str] = frozenset()) -> None:
        """Take an id, by default a new one; those before it are remembered, and `former` too."""
        current = workspace_id or secrets.token_hex(8)
        before = (self.former_ids() | former | {self.workspace_id()}) - {current}
        if current == self.get("workspace_id") and before == self.former_ids():
            return
        with self.database.transaction("identity"):
            self.put(_FORMER_IDS, " ".join(sorted(before)) or None)
            self.put("workspace_id", current)

    def forget(self, prefix: str) -> None:
        """Forget all facts whose key begins with `prefix`."""
        self.database.execute("DELETE FROM meta WHERE substr(key, 1, ?) = ?", (len(prefix), prefix))

    # -- runs and incidents --------------------------------------------------------------------

    def begin_run(self, command: str, now: int) -> int:
        """Record that a command began; gives the run's id."""
        return self.database.insert(
            "INSERT INTO runs (command, started_at, nonce) VALUES (?, ?, ?)",
            (command, now, secrets.token_hex(8)),
        )

    def nonce_of(self, run: int) -> str:
        """Random word that the batches of a run carry; "" for a run of version 0.1.0."""
        row = self.database.one("SELECT nonce FROM runs WHERE id = ?", (run,))
        return str(row[0] or "") if row else ""

    def nonces(self) -> frozenset[str]:
        """Nonces of all runs of this ledger."""
        rows = self.database.execute("SELECT nonce FROM runs WHERE nonce IS NOT NULL")
        return frozenset(str(row[0]) for row in rows)

    def collecting_runs(self) -> frozenset[int]:
        """Numbers of the runs that only collected."""
        rows = self.database.execute("SELECT id FROM runs WHERE command LIKE 'collect%'")
        return frozenset(int(row[0]) for row in rows)

    def end_run(self, run: int, now: int, exit_code: int, summary: dict[str, object]) -> None:
        """Record how a run ended."""
        self.database.execute(
            "UPDATE runs SET ended_at = ?, exit_code = ?, summary = ? WHERE id = ?",
            (now, exit_code, json.dumps(summary), run),
        )

    def incident(
        self, now: int, kind: str, detail: str, shard: int | None = None, batch: int | None = None
    ) -> None:
        """Record something that a person should know about; the same one only once."""
        self.database.execute(
            "INSERT INTO incidents (at, kind, detail, shard, batch) SELECT ?, ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM incidents WHERE kind = ? AND detail = ?)",
            (now, kind, detail, shard, batch, kind, detail),
        )

    def incidents(self) -> list[tuple[int, str, str]]:
        """Unseen incidents: (at, kind, detail), oldest first."""
        rows = self.database.execute(
            "SELECT at, kind, detail FROM incidents WHERE seen = 0 ORDER BY id"
        )
        return [(int(at), str(kind), str(detail)) for at, kind, detail in rows]

    def acknowledge(self, kind: str | None = None) -> int:
        """Mark all incidents, or those of one kind, as seen; gives how many were not."""
        return self.database.execute(
            "UPDATE incidents SET seen = 1 WHERE seen = 0 AND kind = COALESCE(?, kind)", (kind,)
        ).rowcount
