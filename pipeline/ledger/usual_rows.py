"""Usual rows of the table of captions, read with fewer values than they have cells.

Most images were sent, captioned by the first answer, and show it: half of their cells are the same
in all of them, or stand in the row already. SQL gives what such a row has of its own, and to every
other row its values of those cells as a JSON array beside it. A value that is fetched takes 0.1 us,
and one that SQL decides about twice as much: 6.0 us a row instead of 9.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import orjson

from pipeline.core.cell_values import by_number
from pipeline.core.page_columns import Repeated
from pipeline.core.table_page import Page
from pipeline.ledger.database import Database

# where all of these hold, a row's cells are those of `_OWN`, `_SAME` and `_LIKE`
_IS_USUAL = """
w.representative = i.id AND w.state = 'done' AND w.outcome = 'captioned' AND w.reason = ''
AND w.attempts = a.attempt AND m.work IS NULL AND a.flags = '' AND a.prompt_tokens IS NOT NULL
AND a.billed IS NOT NULL AND a.service_cost IS NULL AND i.present = 1 AND i.occurrence = 0
AND i.reject_code IS NULL AND i.reject_detail IS NULL AND i.flags IS NULL AND i.location IS NULL
AND s.kind IN ('folder', 'bucket')
"""
_NO_RECHECK = "NOT EXISTS (SELECT 1 FROM rechecks r WHERE r.original = o.id)"

# hashes of any row, empty for none: what SQL decides about one takes as long as to fetch it
_HASHES = {"source_id": "o.source_id", "content_id": "c.content_id"}
# what usual rows have of their own
_OWN = {
    "prompt_tokens": "a.prompt_tokens",
    "completion_tokens": "a.completion_tokens",
    "billed_cost": "a.billed",
}
# what many rows have in common: each of these groups is one JSON array
_SHARED: tuple[Mapping[str, str], ...] = (
    {
        "source": "s.id",  # these two are looked up by number
        "batch_id": "a.batch",
        "spec": "w.spec",
        "served_model": "a.served_model",
        "cached_tokens": "a.cached_tokens",
        "cache_write_tokens": "a.cache_write_tokens",
        "reasoning_tokens": "a.reasoning_tokens",
        "price_version": "a.price_version",
        "attempt": "a.attempt",
        "captioned_at": "a.received_at",
    },
    {
        "source_format": "o.format",
        "source_width": "o.width",
        "source_height": "o.height",
        "sent_width": "NULLIF(c.width, 0)",
        "sent_height": "NULLIF(c.height, 0)",
        "estimated_cost": "w.estimated",
        "flags":
            "(SELECT y.flags FROM preparations y WHERE y.original = o.id AND y.content = c.id)",
        "first_seen_at": "i.first_seen_at",
    },
)  # fmt: skip
# what is the same in all of them
_SAME: Mapping[str, object] = {
    "occurrence": 0, "outcome": "captioned", "reason": None, "reason_code": None,
    "duplicate_of": None, "duplicate_distance": None, "service_cost": None, "in_source": 1,
}  # fmt: skip
# what is as in another column
_LIKE = {"caption": "model_caption", "attempts": "attempt"}
_LONG = ("caption", "model_caption", "fields", "columns")
# cells of other rows that may be others than what SQL gives of every row
_DECIDED = ("cached_tokens", "cache_write_tokens", "reasoning_tokens", "captioned_at",
            "estimated_cost", "flags")  # fmt: skip
_ODD = (*_OWN, *_DECIDED, *_SAME, *_LIKE, "location")


class UsualRows:
    """Rows with given columns, read as the usual ones are.

    Attributes:
        select: what a statement over the tables of `ledger.rows` has to select.
        long: positions in it of texts that may be long, or None.
    """

    def __init__(self, columns: Mapping[str, str], *, any_rechecks: bool) -> None:
        """Let `columns` name the SQL of each column of any row."""
        self._names = tuple(columns)
        self._nulls = {name for name, sql in columns.items() if sql == "NULL"}
        made = {*_SAME, *_LIKE, "location", *self._nulls}.union(*_SHARED)
        read = {name: sql for name, sql in columns.items() if name not in made} | _OWN | _HASHES
        self._read = tuple(read)
        shared = [f"json_array({', '.join(group.values())})" for group in _SHARED]
        usual = f"{_IS_USUAL} AND {_NO_RECHECK}" if any_rechecks else _IS_USUAL
        others = ", ".join(columns[name] for name in _ODD)
        odd = f"IIF({usual}, NULL, json_array({others}))"
        selected = [*read.values(), *shared, odd]
        self.select = ", ".join(selected)
        long = [at for at, name in enumerate(self._read) if name in _LONG]
        self.long = (*long, len(selected) - 1)

    def pages(self, database: Database) -> Callable[[Sequence[Sequence[object]]], Page]:
        """Function that makes pages of fetched columns; the statement is under way, so that the
        names of the numbers are those of its snapshot."""
        names = {
            row: (label, f"{str(locator).rstrip('/')}/")
            for row, label, locator in database.execute("SELECT id, label, locator FROM sources")
        }
        batches = dict(database.execute("SELECT id, batch_id FROM batches"))

        def page_of(fetched: Sequence[Sequence[object]]) -> Page:
            *values, others = fetched
            rows = len(others)
            cells = dict(zip(self._read, values, strict=False))
            for group, texts in zip(_SHARED, values[len(self._read) :], strict=True):
                cells |= zip(group, _shared(texts), strict=True)
            labels, locations = _places(names, cells["source"], cells["path"])
            columns: dict[str, Sequence[object]] = {
                **cells,
                **{name: Repeated(value, rows) for name, value in _SAME.items()},
                **{name: cells[other] for name, other in _LIKE.items()},
                **dict.fromkeys(self._nulls, Repeated(None, rows)),
                "source": labels,
                "location": locations,
                "batch_id": by_number(cells["batch_id"], batches),
                **{name: _without_empty(cells[name]) for name in _HASHES},
            }
            _put_in(columns, others)
            return Page([columns[name] for name in self._names], rows)

        return page_of


def _shared(texts: Sequence[object]) -> Sequence[Sequence[object]]:
    """Columns of JSON arrays, many of which are the same text."""
    different = [*{*texts}]
    arrays = orjson.loads(f"[{','.join(map(str, different))}]")
    if len(arrays) == 1:
        return [Repeated(value, len(texts)) for value in arrays[0]]
    of_text = dict(zip(different, arrays, strict=True))
    return [*zip(*map(of_text.__getitem__, texts), strict=True)]


def _without_empty(hashes: Sequence[object]) -> Sequence[object]:
    return [one or None for one in hashes] if b"" in hashes else hashes


def _places(
    names: Mapping[object, tuple[object, str]], sources: Sequence[object], paths: Sequence[object]
) -> tuple[Sequence[object], Sequence[object]]:
    """Labels and locations of images, in the order of their sources."""
    if sources[0] == sources[-1]:
        label, root = names[sources[0]]
        return Repeated(label, len(sources)), [f"{root}{path}" for path in paths]
    named = [names[source] for source in sources]
    locations = [f"{root}{path}" for (_, root), path in zip(named, paths, strict=True)]
    return [label for label, _ in named], locations


def _put_in(columns: dict[str, Sequence[object]], others: Sequence[object]) -> None:
    """Give rows that are not usual their own cells."""
    places = [at for at, text in enumerate(others) if text is not None]
    if not places:
        return
    rows = zip(*[orjson.loads(str(others[at])) for at in places], strict=True)
    for name, values in zip(_ODD, rows, strict=True):
        column = list(columns[name])
        for at, value in zip(places, values, strict=True):
            column[at] = value
        columns[name] = column
