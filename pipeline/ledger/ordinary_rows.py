"""Ordinary answers of a batch as rows of the table `answers`, which wait to be written together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xxhash import xxh3_128_digest

from pipeline.ledger.answer_row import CHECKED, fields_text
from pipeline.ledger.database import Database
from pipeline.ledger.insert_rows import insert_rows
from pipeline.ledger.planned import Planned
from pipeline.ledger.settled import OrdinaryPage

_COLUMNS = ("work", "caption", "request_id", "checksum", "attempt", "fields", "prompt_tokens",
            "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens",
            "billed", "price_version", "served_model")  # fmt: skip
_OWN = 4  # of these differ from line to line
_PLAIN = re.compile(r"[A-Za-z0-9._:/-]*")  # text that can stand in a statement


class OrdinaryRows:
    """Rows of one batch, by the positions of their lines, whose order is that of their works.

    Plain tuples, which the collector of cycles passes over, of what differs from line to line. What
    all lines share stands in the statement that inserts them: a value that is bound takes 0.13 us.

    Attributes:
        text: characters of their captions.
    """

    def __init__(self, planned: Planned, prices: str | None) -> None:
        self.text = 0
        self._planned, self._prices = planned, prices
        self._rows: dict[int, tuple[object, ...]] = {}
        self._bound = [*range(_OWN)]  # numbers of the columns that the rows have
        self._shared: dict[int, object] = {}  # what all rows have in another column, by its number

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, page: OrdinaryPage, attempts: Sequence[int]) -> None:
        """Add the answers of a page."""
        answers, positions = page.answers, page.positions
        fields = [fields_text(one) if one else None for one in answers.fields]
        columns: list[Sequence[object]] = [
            [*map(self._planned.works.__getitem__, positions)], answers.captions,
            answers.request_ids, self._checksums(page, fields),
            attempts, fields, *page.tokens, page.costs, [self._prices] * len(positions),
            answers.models,
        ]  # fmt: skip
        if not self._rows:
            self._shared = {at: columns[at][0] for at in range(_OWN, len(columns))}
        for at, value in [*self._shared.items()]:
            if columns[at].count(value) < len(positions) or _literal(value) is None:
                self._bind(at)
        own = zip(*[columns[at] for at in self._bound], strict=True)
        self._rows.update(zip(positions, own, strict=True))
        self.text += sum(map(len, answers.captions))

    def _bind(self, column: int) -> None:
        """Give the rows a column that they have shared so far."""
        value = self._shared.pop(column)
        self._bound.append(column)
        for position, row in self._rows.items():
            self._rows[position] = (*row, value)

    def _checksums(self, page: OrdinaryPage, fields: list[str | None]) -> list[bytes]:
        """Checksums as of `answer_checksum`, with what many cells share in one piece."""
        answers = page.answers
        costs = dict(zip(answers.tokens, page.costs, strict=True))
        paid = {of: f"{repr(of)[1:-1]}, {cost!r}, {self._prices!r}" for of, cost in costs.items()}
        names = {model: repr(model) for model in {*answers.models}}
        return [
            CHECKED
            + xxh3_128_digest(
                f"('captioned', {caption!r}, {texts!r}, '', 'stop', {paid[of]}, {names[model]}, "
                f"{request!r}, 'stop', '', None)".encode()
            )
            for caption, texts, of, model, request in zip(
                answers.captions, fields, answers.tokens, answers.models, answers.request_ids,
                strict=True,
            )
        ]  # fmt: skip

    def write(self, database: Database, batch: int, received_at: int, rules: int) -> list[int]:
        """Write the rows, in the order of their works; gives the positions of their lines."""
        fixed = {
            "batch": f"{batch:d}", "outcome": "'captioned'", "reason": "''", "code": "'stop'",
            "ending": "'stop'", "flags": "''", "received_at": f"{received_at:d}",
            "rules": f"{rules:d}",
        }  # fmt: skip
        for at, value in self._shared.items():
            fixed[_COLUMNS[at]] = str(_literal(value))
        names, positions = [_COLUMNS[at] for at in self._bound], sorted(self._rows)
        insert_rows(
            database,
            f"answers ({', '.join([*names, *fixed])})",
            f"({', '.join([*['?'] * len(names), *fixed.values()])})",
            map(self._rows.__getitem__, positions),
        )
        return positions


def _literal(value: object) -> str | None:
    """SQL of a value; None for text that may not stand in a statement."""
    if isinstance(value, str):
        return f"'{value}'" if _PLAIN.fullmatch(value) else None
    return "NULL" if value is None else f"{value:d}"
