"""Record of what people decided about captions: append-only, in a file of its own.

It is no part of the ledger, so that it can be written while a run holds that one and survives a
rebuilt one. A step is what one key or button did, to one picture or to a million; undoing is a
further step. Nothing is ever changed or removed: the file itself refuses it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.judgements import Judgement, undone, values_text
from pipeline.errors import BooksError, StorageError
from pipeline.review.record_file import RecordFile
from pipeline.system.failpoints import reached

_READ = """
SELECT j.source_id, j.selector, j.action, j.model_caption,
       IIF(j.before_is_model, j.model_caption, j.before), j.caption, j.fields, j.work_key,
       j.attempts, j.step, s.at, s.reviewer, s.note
FROM judgements j JOIN steps s ON s.id = j.step
"""
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a person; `label` says in words what it did, `undoes` names another step."""

    id: int
    at: int
    reviewer: str | None
    note: str | None
    label: str
    undoes: int | None


class Edits:
    """Record at `path`; one that is not there yet is empty, and made with the first step.

    Several windows, programs and a run use one file side by side.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._file = RecordFile(path, read_only=read_only)
        self._undone: tuple[int, frozenset[int]] = (0, frozenset())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Edits:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # -- writing ---------------------------------------------------------------------------------

    def append(
        self,
        judgements: Iterable[Judgement],
        *,
        at: int,
        label: str,
        reviewer: str | None = None,
        note: str | None = None,
        undoes: int | None = None,
    ) -> Step:
        """Add one step, durably, before this returns; all of it or nothing.

        Raises:
            StorageError: it cannot be written; the record is as it was.
        """
        with self._file.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO steps (at, reviewer, note, label, undoes) VALUES (?, ?, ?, ?, ?)",
                (at, reviewer or None, note or None, label, undoes),
            )
            step = int(cursor.lastrowid or 0)
            connection.executemany(
                "INSERT INTO judgements (step, source_id, selector, action, model_caption, "
                "before, before_is_model, caption, fields, work_key, attempts) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_cells(step, judgement) for judgement in judgements),
            )
            reached("review.before_commit")
        reached("review.after_commit")
        return Step(step, at, reviewer or None, note or None, label, undoes)

    def undo(self, step: int, *, at: int, reviewer: str | None = None) -> Step | None:
        """Take a step back by a further one; None when it does not hold any more."""
        target = self.step(step)
        if target is None or step in self.undone():
            return None
        label = f"undo: {target.label}"
        return self.append([], at=at, label=label, reviewer=reviewer, undoes=step)

    # -- reading ---------------------------------------------------------------------------------

    def of(self, source_ids: Iterable[bytes]) -> dict[bytes, list[Judgement]]:
        """Judgements that hold, oldest first, of the pictures that have some."""
        by_source: dict[bytes, list[Judgement]] = {}
        if self.empty():
            return by_source
        wanted, gone = list(dict.fromkeys(source_ids)), self.undone()
        for start in range(0, len(wanted), _PAGE):
            part = wanted[start : start + _PAGE]
            marks = ", ".join("?" * len(part))
            rows = self._file.rows(f"{_READ} WHERE j.source_id IN ({marks}) ORDER BY j.id", part)
            for judgement in map(_judgement, rows):
                if judgement.step not in gone:
                    by_source.setdefault(judgement.source_id, []).append(judgement)
        return by_source

    def history(self, source_id: bytes) -> list[tuple[Judgement, bool]]:
        """(judgement, whether it holds) of one picture, oldest first."""
        gone = self.undone()
        rows = self._file.rows(f"{_READ} WHERE j.source_id = ? ORDER BY j.id", (source_id,))
        return [(judgement, judgement.step not in gone) for judgement in map(_judgement, rows)]

    def wishes(self) -> Iterator[Judgement]:
        """Every wish for another go that was not undone, oldest first."""
        gone = self.undone()
        for row in self._file.rows(f"{_READ} WHERE j.action = 'again' ORDER BY j.id"):
            judgement = _judgement(row)
            if judgement.step not in gone:
                yield judgement

    def sources_since(self, step: int) -> list[bytes]:
        """Pictures that a step after `step` was about, those of undone steps too."""
        rows = self._file.rows(
            "SELECT DISTINCT j.source_id FROM judgements j WHERE j.step > ? OR j.step IN "
            "(WITH RECURSIVE touched (id) AS (SELECT undoes FROM steps WHERE id > ? "
            "AND undoes IS NOT NULL UNION SELECT s.undoes FROM steps s JOIN touched t "
            "ON t.id = s.id WHERE s.undoes IS NOT NULL) SELECT id FROM touched)",
            (step, step),
        )
        return [row[0] for row in rows]

    def copy_to(self, path: Path) -> None:
        """Copy the record to a file of its own."""
        self._file.copy_to(path)

    def last_step(self) -> int:
        """Number of the last step, 0 for none."""
        row = self._file.rows("SELECT MAX(id) FROM steps")
        return int(row[0][0] or 0) if row else 0

    def step(self, step: int) -> Step | None:
        """Step by its number."""
        rows = self._file.rows(
            "SELECT id, at, reviewer, note, label, undoes FROM steps WHERE id = ?", (step,)
        )
        return Step(*rows[0]) if rows else None

    def last_undoable(self) -> Step | None:
        """Latest step that still holds and is no undoing itself."""
        rows = self._file.rows(
            "SELECT id, at, reviewer, note, label, undoes FROM steps s WHERE undoes IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM steps u WHERE u.undoes = s.id) "
            "ORDER BY id DESC LIMIT 1"
        )
        return Step(*rows[0]) if rows else None

    def undone(self) -> frozenset[int]:
        """Steps that do not hold."""
        last = self.last_step()
        if self._undone[0] != last:
            rows = self._file.rows(
                "SELECT id, undoes FROM steps WHERE undoes IS NOT NULL ORDER BY id"
            )
            self._undone = last, undone([(int(step), int(target)) for step, target in rows])
        return self._undone[1]

    def empty(self) -> bool:
        """Tell whether nobody has judged anything."""
        return not self._file.rows("SELECT 1 FROM judgements LIMIT 1")

    def damage(self) -> list[str]:
        """Sentences about what is wrong with the file; [] is sound."""
        try:
            damage = [str(row[0]) for row in self._file.rows("PRAGMA integrity_check")]
            lost = self._file.rows("PRAGMA foreign_key_check")
        except (BooksError, StorageError) as error:
            return [str(error)]
        problems = [f"{self.path} is damaged: {text}" for text in damage if text != "ok"]
        if lost:
            problems.append(f"{self.path}: {len(lost):,} entries belong to steps that are gone")
        return problems


def _cells(step: int, judgement: Judgement) -> tuple[object, ...]:
    fields, same = judgement.fields, judgement.before == judgement.model_caption
    accepted = judgement.action == "accept" and judgement.caption == judgement.model_caption
    return (
        step,
        judgement.source_id,
        values_text(judgement.values),
        judgement.action,
        judgement.model_caption,
        None if same else judgement.before,  # equal texts are stored once
        int(same),
        None if accepted else judgement.caption,
        None if fields is None else json.dumps(dict(fields), ensure_ascii=False),
        judgement.work_key,
        judgement.attempts,
    )


def _judgement(row: Sequence[Any]) -> Judgement:
    (source_id, selector, action, model_caption, before, caption, fields,
     work_key, attempts, step, at, reviewer, note) = row  # fmt: skip
    if action == "accept" and caption is None:
        caption = model_caption
    return Judgement(
        source_id=source_id,
        values=json.loads(selector),
        action=action,
        model_caption=model_caption,
        before=before,
        caption=caption,
        fields=None if fields is None else json.loads(fields),
        work_key=work_key,
        attempts=attempts,
        step=step,
        at=at,
        reviewer=reviewer,
        note=note,
    )
