"""Record of what people decided about captions: append-only, in a file of its own.

It is no part of the ledger, so that it can be written while a run holds that one and survives a
rebuilt one. A step is what one key or button did, to one picture or to a million; undoing is a
further step. Nothing is ever changed or removed: the file itself refuses it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from pipeline.core.judgements import Judgement, undone_steps, values_text
from pipeline.errors import BooksError, StorageError
from pipeline.review.entry_checksums import (
    JUDGEMENT_CELLS,
    STEP_CELLS,
    EntryChecksums,
    entry_checksum,
)
from pipeline.review.record_file import RecordFile
from pipeline.system.failpoints import reached

_CELLS = ", ".join(f"j.{name}" for name in JUDGEMENT_CELLS)
_MARKS = ", ".join("?" * (len(JUDGEMENT_CELLS) + 1))
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
        self._checksums = EntryChecksums(self._file)
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
            step, first = (
                connection.execute(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table}").fetchone()[0]
                for table in ("steps", "judgements")
            )
            cells = (step, at, reviewer or None, note or None, label, undoes)
            connection.execute(
                f"INSERT INTO steps ({', '.join(STEP_CELLS)}, checksum) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*cells, entry_checksum(cells)),
            )
            connection.executemany(
                f"INSERT INTO judgements ({', '.join(JUDGEMENT_CELLS)}, checksum) "
                f"VALUES ({_MARKS})",
                (
                    (*cells, entry_checksum(cells))
                    for number, judgement in enumerate(judgements, start=first)
                    for cells in [(number, *_cells(step, judgement))]
                ),
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

    def judgements_of(self, source_ids: Iterable[bytes]) -> dict[bytes, list[Judgement]]:
        """Judgements that hold, oldest first, of the pictures that have some."""
        by_source: dict[bytes, list[Judgement]] = {}
        if self.empty():
            return by_source
        wanted, gone = list(dict.fromkeys(source_ids)), self.undone()
        for start in range(0, len(wanted), _PAGE):
            part = wanted[start : start + _PAGE]
            marks = ", ".join("?" * len(part))
            for judgement in self._judgements(f"j.source_id IN ({marks})", part):
                if judgement.step not in gone:
                    by_source.setdefault(judgement.source_id, []).append(judgement)
        return by_source

    def history(self, source_id: bytes) -> list[tuple[Judgement, bool]]:
        """(judgement, whether it holds) of one picture, oldest first."""
        gone = self.undone()
        judgements = self._judgements("j.source_id = ?", (source_id,))
        return [(judgement, judgement.step not in gone) for judgement in judgements]

    def recaption_requests(self) -> Iterator[Judgement]:
        """Every request for another caption that was not undone, oldest first."""
        gone = self.undone()
        for judgement in self._judgements("j.action = 'again'"):
            if judgement.step not in gone:
                yield judgement

    def _judgements(self, condition: str, values: Sequence[object] = ()) -> Iterator[Judgement]:
        """Judgements that a condition selects, oldest first.

        Raises:
            BooksError: one of them has changed since it was written.
        """
        checked = self._file.has_checksums()
        rows = self._file.rows(
            f"SELECT {_CELLS}, {'j.checksum' if checked else 'NULL'}, s.at, s.reviewer, s.note "
            f"FROM judgements j LEFT JOIN steps s ON s.id = j.step WHERE {condition} ORDER BY j.id",
            values,
        )
        for row in rows:
            cells, (checksum, *step) = row[: len(JUDGEMENT_CELLS)], row[len(JUDGEMENT_CELLS) :]
            self._checksums.require_judgement(cells, checksum)
            yield _judgement(cells, step)

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

    def step_mark(self, step: int) -> str | None:
        """Checksum of a step, None where there is no such one. A copy of the record that was put
        back and went on has another step of the same number."""
        row = self.step(step)
        return None if row is None else entry_checksum(astuple(row)).hex()

    def last_undoable(self) -> Step | None:
        """Latest step that still holds and is no undoing itself."""
        rows = self._file.rows(
            "SELECT id, at, reviewer, note, label, undoes FROM steps s WHERE undoes IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM steps u WHERE u.undoes = s.id) "
            "ORDER BY id DESC LIMIT 1"
        )
        return Step(*rows[0]) if rows else None

    def undone(self) -> frozenset[int]:
        """Steps that do not hold.

        Raises:
            BooksError: a step has changed since it was written.
        """
        last = self.last_step()
        if self._undone[0] != last:
            self._checksums.require_steps(last)
            rows = self._file.rows(
                "SELECT id, undoes FROM steps WHERE undoes IS NOT NULL ORDER BY id"
            )
            self._undone = last, undone_steps([(int(step), int(target)) for step, target in rows])
        return self._undone[1]

    def empty(self) -> bool:
        """Tell whether nobody has judged anything."""
        return not self._file.rows("SELECT 1 FROM judgements LIMIT 1")

    def damage(self) -> list[str]:
        """Sentences about what is wrong with the file; [] is sound."""
        try:
            damage = [str(row[0]) for row in self._file.rows("PRAGMA integrity_check")]
            lost = self._file.rows("PRAGMA foreign_key_check")
            changed = self._checksums.damaged()
        except (BooksError, StorageError) as error:
            return [str(error)]
        problems = [f"{self.path} is damaged: {text}" for text in damage if text != "ok"]
        if lost:
            problems.append(f"{self.path}: {len(lost):,} entries belong to steps that are gone")
        if changed:
            problems.append(self._checksums.advice(changed))
        return problems

    def accept_damage(self) -> int:
        """Take entries that changed since they were written as they are now; gives how many."""
        return self._checksums.accept()


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


def _judgement(cells: Sequence[Any], of_step: Sequence[Any]) -> Judgement:
    """Judgement from its cells, as JUDGEMENT_CELLS names them, and (at, reviewer, note) of its
    step."""
    (_, step, source_id, selector, action, model_caption, before, before_is_model,
     caption, fields, work_key, attempts) = cells  # fmt: skip
    at, reviewer, note = of_step
    if action == "accept" and caption is None:
        caption = model_caption
    return Judgement(
        source_id=source_id,
        values=json.loads(selector),
        action=action,
        model_caption=model_caption,
        before=model_caption if before_is_model else before,
        caption=caption,
        fields=None if fields is None else json.loads(fields),
        work_key=work_key,
        attempts=attempts,
        step=step,
        at=at,
        reviewer=reviewer,
        note=note,
    )
