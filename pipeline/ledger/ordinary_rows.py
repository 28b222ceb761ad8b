"""Ordinary answers of a batch as rows of the table `answers`, which wait to be written together."""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter

from xxhash import xxh3_128_digest

from pipeline.ledger.answer_row import CHECKED, fields_text
from pipeline.ledger.database import Database
from pipeline.ledger.settled import OrdinaryPage

_OWN = ("work", "caption", "prompt_tokens", "completion_tokens", "billed", "price_version",
        "served_model", "request_id", "checksum")  # fmt: skip
_ALIKE = ("attempt", "fields", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_own = itemgetter(slice(len(_OWN)))


class OrdinaryRows:
    """Rows of one batch, and what they came to.

    Plain tuples, which the collector of cycles passes over. What all lines share stands in the
    statement that inserts them, as each value that is bound takes 0.13 us.

    Attributes:
        text: characters of their captions.
    """

    def __init__(self, prices: str | None) -> None:
        self.text = 0
        self._prices = prices
        self._rows: list[tuple[object, ...]] = []
        self._alike: set[tuple[int | str | None, ...]] = set()  # values of _ALIKE, two at least

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, page: OrdinaryPage) -> None:
        """Add the answers of a page."""
        answers, tokens = page.answers, [answer.tokens for answer in page.answers]
        captions = [answer.caption for answer in answers]
        fields = [fields_text(answer.fields) if answer.fields else None for answer in answers]
        models = [answer.model for answer in answers]
        requests = [answer.request_id for answer in answers]
        # what `answer_checksum` makes of the cells, with what many share in one piece
        numbers = {one: repr(one)[1:-1] for one in {*tokens}}
        names = {model: f"{self._prices!r}, {model!r}" for model in {*models}}
        checksums = [
            CHECKED
            + xxh3_128_digest(
                f"('captioned', {caption!r}, {texts!r}, '', 'stop', {numbers[of]}, {cost!r}, "
                f"{names[model]}, {request!r}, 'stop', '', None)".encode()
            )
            for caption, texts, of, cost, model, request in zip(
                captions, fields, tokens, page.costs, models, requests, strict=True
            )
        ]
        prompt, cached, written, completion, reasoning = zip(*tokens, strict=True)
        alike = ([planned[1] for planned in page.planned], fields, cached, written, reasoning)
        self._rows += zip(
            [planned[2] for planned in page.planned], captions, prompt, completion, page.costs,
            repeat(self._prices), models, requests, checksums, *alike, strict=False,
        )  # fmt: skip
        self.text += sum(map(len, captions))
        if len(self._alike) < 2:
            self._alike.update(zip(*alike, strict=True))

    def write(self, database: Database, batch: int, received_at: int, rules: int) -> None:
        """Write the rows, in the order of their works."""
        self._rows.sort(key=itemgetter(0))
        fixed = {
            "batch": f"{batch:d}", "outcome": "'captioned'", "reason": "''", "code": "'stop'",
            "ending": "'stop'", "flags": "''", "received_at": f"{received_at:d}",
            "rules": f"{rules:d}",
        }  # fmt: skip
        columns: tuple[str, ...] = (*_OWN, *_ALIKE)
        rows = iter(self._rows)
        if len(self._alike) == 1:
            (values,) = self._alike
            # no text of a service's becomes SQL
            if not any(isinstance(value, str) for value in values):
                fixed |= {n: _literal(v) for n, v in zip(_ALIKE, values, strict=True)}
                columns, rows = _OWN, map(_own, self._rows)
        marks = ["?"] * len(columns)
        database.executemany(
            f"INSERT INTO answers ({', '.join([*columns, *fixed])}) "
            f"VALUES ({', '.join([*marks, *fixed.values()])})",
            rows,
        )


def _literal(number: int | str | None) -> str:
    return "NULL" if number is None else f"{number:d}"
