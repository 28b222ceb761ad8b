"""Index of a workspace for its page: every image as a card, searchable, made from the ledger.

A file of its own that may be thrown away at any time. It follows the ledger and the record of
edits by what changed, in short transactions, so that the page is served while a million images are
taken in.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.audit import AuditRules
from pipeline.core.judgements import Judgement, prompt_values, review_state, values_text
from pipeline.core.url_image import is_address
from pipeline.review import index_tables as sql
from pipeline.review.audited import CaptionAudit
from pipeline.review.edits import Edits
from pipeline.review.index_file import IndexFile, index_errors, remember, remembered_fact

_PART = 2000  # cards in one transaction
_COLUMNS = (
    "id", "mark", "source", "folder", "path", "occurrence", "file", "source_id", "original", "work",
    "work_key", "spec", "model", "provider", "state", "outcome", "reason", "reason_code", "flags",
    "caption", "model_caption", "fields", "model_fields", "columns", "selector", "review",
    "reviewed_at", "reviewer", "note", "again",
    "undecided", "attempts", "tokens", "cost", "captioned_at",
    "present", "width", "height", "format", "findings", "going",
)  # fmt: skip
_INSERT = f"INSERT INTO cards ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


class Index(IndexFile):
    """Index at `path` of a ledger and a record of edits."""

    def __init__(
        self,
        path: Path,
        ledger: Path,
        edits: Edits,
        *,
        rules: AuditRules | None = None,
        read_only: bool = False,
    ) -> None:
        """Open or make the index; `read_only`: nothing is written beside the ledger either."""
        super().__init__(path, ledger, read_only=read_only)
        self.edits = edits
        self.audit = CaptionAudit(rules or AuditRules(), self._prompt)
        self.progress = (0, 0)  # cards taken in, of how many
        self.version = 0  # grows with every change of a card
        self._prompts: dict[int, tuple[str, str]] = {}  # (template, system) by spec

    # -- reading ---------------------------------------------------------------------------------

    def card(self, image: int) -> dict[str, Any] | None:
        """Card by its number, None for none."""
        rows = self.rows("SELECT * FROM cards WHERE id = ?", (image,))
        return dict(rows[0]) if rows else None

    def spec_text(self, spec: int | None) -> str | None:
        """Canonical JSON of a spec of the ledger."""
        row = self.ledger_row("SELECT canonical FROM ledger.specs WHERE id = ?", (spec,))
        return None if row is None else str(row[0])

    def ledger_fact(self, key: str) -> str | None:
        """Fact that the ledger remembers, or None."""
        row = self.ledger_row("SELECT value FROM ledger.meta WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def count_recaptions(self) -> tuple[int, int, bool]:
        """(requests that go again, nano-dollars at most, whether the price of one is unknown)."""
        row = self.ledger_row(sql.RECAPTIONS)
        return int(row[0] or 0), int(row[1] or 0), bool(row[2])

    def fact(self, key: str) -> str | None:
        """Remembered fact, or None."""
        rows = self.rows("SELECT value FROM facts WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    # -- following the ledger --------------------------------------------------------------------

    def refresh(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Take in what changed in the ledger and in the record; gives how many cards are new.

        Raises:
            BooksError, StorageError: a file is damaged or cannot be written.
        """
        with index_errors(self.path):
            self.attach_again()
            self._drop_what_is_gone()
            count = self._changed()
            self.progress, done = (0, count), 0
            while not stopped():
                with self.writing() as writer:
                    part = self._take_part(writer)
                if not part:
                    break
                done += part
                self.progress = (done, max(count, done))
            self.progress = (0, 0)
            self.refresh_judged()
            self._refresh_variants()
            if self.audit.compare(self, stopped):
                self.version += 1
        return done

    def refresh_judged(self) -> None:
        """Bring the cards of pictures up to date that were judged since the last time."""
        last, since = self.edits.last_step(), int(self.fact("step") or 0)
        if last > since:
            self.refresh_sources(self.edits.sources_since(since))
        with self.writing() as writer:
            remember(writer, "step", str(last))
            remember(writer, "step_mark", self.edits.step_mark(last) or "")

    def refresh_sources(self, sources: Sequence[bytes]) -> None:
        """Judge and audit the cards of some pictures again."""
        for start in range(0, len(sources), _PART):
            with self.writing() as writer:
                self._judge_again(writer, sources[start : start + _PART])

    def _drop_what_is_gone(self) -> None:
        """Drop cards of images that the ledger forgot; all of them when sources were renamed,
        captions are audited by other rules or another record of edits was put in its place."""
        with self.writing() as writer:
            names = json.dumps(
                [tuple(row) for row in writer.execute(
                    "SELECT id, kind, locator, label, spec FROM ledger.sources ORDER BY id"
                )]
            )  # fmt: skip
            stale = self.audit.follow_rules(writer)
            if stale or self._is_other_record() or remembered_fact(writer, "sources") != names:
                writer.execute("DELETE FROM cards")
                writer.execute("DELETE FROM texts")
                self.version += 1
                remember(writer, "sources", names)
                return
            counts = writer.execute(
                "SELECT (SELECT COUNT(*) FROM cards), (SELECT COUNT(*) FROM ledger.images)"
            ).fetchone()
            if counts[0] > counts[1]:
                writer.execute(sql.GONE)
                writer.execute(sql.GONE_TEXTS)
                self.version += 1

    def _is_other_record(self) -> bool:
        """Tell whether the record lacks the step that the cards were judged by."""
        mark = self.fact("step_mark")
        return mark is not None and mark != (
            self.edits.step_mark(int(self.fact("step") or 0)) or ""
        )

    def _changed(self) -> int:
        with self.writing() as writer:
            writer.execute("DELETE FROM temp.changed")
            writer.execute(sql.CHANGED)
            return int(writer.execute("SELECT COUNT(*) FROM temp.changed").fetchone()[0])

    def _take_part(self, writer: sqlite3.Connection) -> int:
        writer.execute("DELETE FROM temp.part")
        writer.execute(
            "INSERT INTO temp.part SELECT id FROM temp.changed ORDER BY id LIMIT ?", (_PART,)
        )
        rows = [dict(row) for row in writer.execute(sql.ROWS)]
        judged = self.edits.judgements_of(row["source_id"] for row in rows if row["source_id"])
        for row in rows:
            self._complete(writer, row, judged)
        self.audit.take(writer, rows)
        writer.execute("DELETE FROM cards WHERE id IN (SELECT id FROM temp.part)")
        writer.executemany(_INSERT, map(_cells, rows))
        writer.execute("DELETE FROM temp.changed WHERE id IN (SELECT id FROM temp.part)")
        self.version += 1
        return len(rows)

    def _complete(
        self,
        writer: sqlite3.Connection,
        row: dict[str, Any],
        judged: Mapping[bytes, list[Judgement]],
    ) -> None:
        columns = json.loads(row["columns"] or "{}")
        if row["file"] and is_address(row["file"]):
            row["file"] = None
        row["selector"] = values_text(
            prompt_values(self._learn_prompt(writer, row["spec"]), columns)
        )
        row["model_caption"], row["model_fields"] = row["caption"], row["fields"]
        _apply(row, columns, judged.get(row["source_id"] or b"", ()))

    def _judge_again(self, writer: sqlite3.Connection, sources: Sequence[bytes]) -> None:
        judged = self.edits.judgements_of(sources)
        marks = ", ".join("?" * len(sources))
        rows = writer.execute(f"SELECT * FROM cards WHERE source_id IN ({marks})", sources)
        cards = [dict(row) for row in rows.fetchall()]
        self.version += 1
        writer.executemany("DELETE FROM cards WHERE id = ?", [(row["id"],) for row in cards])
        for row in cards:
            columns = json.loads(row["columns"] or "{}")
            self._learn_prompt(writer, row["spec"])
            row["caption"], row["fields"] = row["model_caption"], row["model_fields"]
            _apply(row, columns, judged.get(row["source_id"], ()))
        self.audit.take(writer, cards)
        writer.executemany(_INSERT, map(_cells, cards))

    def _learn_prompt(self, writer: sqlite3.Connection, spec: int | None) -> str:
        """Template of a spec of the ledger, whose prompt is then known without the ledger."""
        if spec is None:
            return ""
        if spec not in self._prompts:
            row = writer.execute(
                "SELECT canonical FROM ledger.specs WHERE id = ?", (spec,)
            ).fetchone()
            self._prompts[spec] = _prompt_texts(row[0] if row else None)
        return self._prompts[spec][0]

    def _prompt(self, spec: int) -> tuple[str, str]:
        if spec not in self._prompts:
            self._prompts[spec] = _prompt_texts(self.spec_text(spec))
        return self._prompts[spec]

    def _refresh_variants(self) -> None:
        with self.writing() as writer:
            state = writer.execute(
                "SELECT COUNT(DISTINCT spec), (SELECT MAX(id) FROM ledger.answers) "
                "FROM ledger.works WHERE outcome = 'captioned'"
            ).fetchone()
            text = json.dumps(list(state))
            if state[0] < 2 or remembered_fact(writer, "variants") == text:
                return
            writer.execute("DELETE FROM variants")
            writer.execute(sql.VARIANTS)
            remember(writer, "variants", text)


def _prompt_texts(canonical: str | None) -> tuple[str, str]:
    """(template, system prompt) of a spec's canonical JSON."""
    spec = json.loads(canonical) if canonical else {}
    request = spec.get("request") or {}
    return str(spec.get("template") or ""), str(request.get("system") or "")


def _cells(row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in _COLUMNS)


def _apply(
    row: dict[str, Any], columns: Mapping[str, str], judgements: Sequence[Judgement]
) -> None:
    """Put the state of a card's judgements into its row."""
    state = review_state(
        judgements,
        columns,
        model_caption=row["caption"],
        work_key=row["work_key"],
        attempts=row["attempts"],
    )
    by = state.by
    row["caption"], row["review"] = state.caption, state.review
    row["reviewed_at"] = by.at if by else None
    row["reviewer"] = by.reviewer if by else None
    row["note"] = by.note if by else (state.again.note if state.again else None)
    row["again"] = int(state.again is not None)
    # what has no text is not to be judged, and what goes again is not to be judged yet
    row["undecided"] = int(state.review is None and state.caption is not None and not row["again"])
    row["going"] = int(row["again"] or (row["state"] not in (None, "done") and row["attempts"] > 0))
    if state.fields is not None:
        service = json.loads(row["fields"] or "{}")
        row["fields"] = json.dumps({**service, **state.fields}, ensure_ascii=False)
