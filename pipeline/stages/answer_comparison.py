"""Comparison of the answers of one batch with its raw answers, line by line as these are read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING

from pipeline.core.identity import parse_custom_id
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.reading_rules import CURRENT
from pipeline.ledger.answer_row import BILLED, answer_cells, fields_text, worth_of
from pipeline.ledger.audit import AuditedAnswer
from pipeline.records import Answer

if TYPE_CHECKING:
    from pipeline.core.ordinary_answers import OrdinaryAnswers


class AnswerComparison:
    """Rows of a batch against the first paid line of each request, or its first unpaid one.

    The lines are read once by today's rules, and again by those of each earlier version that rows
    were read by. Memory: the rows, and a name for each line.

    Attributes:
        rows: answers in the ledger by custom_id.
        read: custom_ids of requests with a raw answer.
        differing: those whose row says something else.
        unknown: those without a row.
        otherwise: rows of earlier versions that today's rules would read otherwise.
    """

    def __init__(self, rows: Mapping[str, AuditedAnswer]) -> None:
        self.rows = rows
        self.read: set[str] = set()
        self.differing: list[str] = []
        self.unknown: list[str] = []
        self.otherwise = 0
        self._version = CURRENT
        self._decided: set[str] = set()  # of which a later line changes nothing
        self._unpaid: dict[str, Answer] = {}
        self._today: dict[str, Answer] = {}  # of rows of earlier versions

    @contextlib.contextmanager
    def reading(self, version: int) -> Iterator[None]:
        """Take all lines of the batch as read by the rules of a version; CURRENT comes first."""
        self._version = version
        yield
        for name, answer in self._unpaid.items():
            self._compare(name, answer)
        self._unpaid.clear()
        self._decided.clear()

    def add_ordinary(self, run: OrdinaryAnswers) -> None:
        """Take ordinary lines: a row that is as `add` would have it is compared as a whole."""
        rows, decided = self.rows, self._decided
        columns = zip(count(), *run[1:], strict=False)
        for at, name, caption, fields, tokens, model, request_id in columns:
            if name in decided:
                continue
            row = rows.get(name)
            if row is None or row.rules != CURRENT or row.cells != (
                "captioned", caption, fields_text(fields), "", "stop", *tokens,
                *row.cells[BILLED], model, request_id, "stop", "", None,
            ):  # fmt: skip
                self.add(*run.part(at, at + 1).full())
                continue
            self._unpaid.pop(name, None)
            decided.add(name)
            self.read.add(name)

    def add(self, answer: Answer) -> None:
        """Take any line."""
        name = answer.custom_id
        if name in self._decided or (name not in self.rows and parse_custom_id(name) is None):
            return
        if answer.outcome in PAID_OUTCOMES or self._version == 1:  # there, the first line counts
            self._unpaid.pop(name, None)
            self._decided.add(name)
            self._compare(name, answer)
        else:
            self._unpaid.setdefault(name, answer)

    def _compare(self, name: str, answer: Answer) -> None:
        row = self.rows.get(name)
        if self._version == CURRENT:
            self.read.add(name)
            if row is None:
                self.unknown.append(name)
            elif row.rules != CURRENT:
                self._today[name] = answer
        if row is None or row.rules != self._version:
            return
        self.read.add(name)
        cells = _cells(answer)
        if not row.agrees(cells):
            self.differing.append(name)
        today = self._today.get(name, answer)
        self.otherwise += worth_of(cells) != worth_of(_cells(today))


def _cells(answer: Answer) -> tuple[object, ...]:
    """Cells of the ledger of a raw answer, but for what a price decides."""
    *cells, _ = answer_cells(answer, None, None)
    return tuple(cells)
