"""Search of the page: the words and filters of an address as SQL over the index.

A state of the page is a query string, so that it can be kept and sent: every filter has one name,
may be given more than once (any of its values holds), and different filters all hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.core.audit import bits_of, checked_kind
from pipeline.core.pricing import parse_usd
from pipeline.errors import UsageError

PER_PAGE = 60
UNDECIDED = "undecided"
ANY = "any"
_TEXT_FILTERS = {
    "folder": "folder",
    "source": "source",
    "outcome": "outcome",
    "reason": "reason_code",
    "model": "model",
}
_ORDERS = {
    "path": "source, path, occurrence",
    "cost": "cost DESC, source, path, occurrence",
    "cheap": "cost, source, path, occurrence",
    "newest": "captioned_at DESC, source, path, occurrence",
    "oldest": "captioned_at, source, path, occurrence",
    "decided": "reviewed_at DESC, source, path, occurrence",
    "long": "LENGTH(caption) DESC, source, path, occurrence",
    "short": "LENGTH(caption), source, path, occurrence",
}
_WORD = re.compile(r"\w+", re.UNICODE)

Reader = Callable[[Sequence[str]], tuple[str, list[object]]]


@dataclass(frozen=True, slots=True)
class Search:
    """Filters and order of a list of cards.

    Attributes:
        filters: (name, values) pairs, sorted; see the module's text.
        order: a word of `_ORDERS`.
    """

    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    order: str = "path"
    _by_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, query: Iterable[tuple[str, str]]) -> Search:
        """Read the filters of an address; what is no filter is left to others.

        Raises:
            UsageError: an order or a value that does not exist.
        """
        filters: dict[str, list[str]] = {}
        order = "path"
        for name, value in query:
            if name == "sort":
                order = value
            elif name in _KNOWN and value != "":
                filters.setdefault(name, []).append(value)
        if order not in _ORDERS:
            raise UsageError(f"cannot sort by {order!r}: choose among {', '.join(_ORDERS)}")
        pairs = tuple(sorted((name, tuple(values)) for name, values in filters.items()))
        search = cls(pairs, order, dict(pairs))
        search.where()  # refuses what cannot be read
        return search

    def where(self) -> tuple[str, list[object]]:
        """SQL that holds for the cards to be listed, and its values."""
        clauses, values = ["present = 1"], []
        if "all" in self._by_name.get("present", ()):
            clauses = ["1"]
        elif "gone" in self._by_name.get("present", ()):
            clauses = ["present = 0"]
        for name, wanted in self.filters:
            clause, more = _clause(name, wanted)
            if clause:
                clauses.append(clause)
                values += more
        return " AND ".join(clauses), values

    def order_by(self) -> str:
        """SQL of the order."""
        return _ORDERS[self.order]


def _clause(name: str, wanted: Sequence[str]) -> tuple[str, list[object]]:
    if name in _TEXT_FILTERS:
        return _any(_TEXT_FILTERS[name], wanted)
    reader = _READERS.get(name)
    return reader(wanted) if reader else ("", [])


def _any(column: str, wanted: Sequence[object]) -> tuple[str, list[object]]:
    return f"{column} IN ({', '.join('?' * len(wanted))})", list(wanted)


def _numbers(column: str) -> Reader:
    return lambda wanted: _any(column, [_whole_number(value) for value in wanted])


def _flags(wanted: Sequence[str]) -> tuple[str, list[object]]:
    clause = " AND ".join(["flags <> ''", *["',' || flags || ',' LIKE ?"] * len(wanted)])
    return clause, [f"%,{value},%" for value in wanted]


def _findings(wanted: Sequence[str]) -> tuple[str, list[object]]:
    if ANY in wanted:
        return "findings <> 0", []
    try:
        return "findings <> 0 AND findings & ? <> 0", [bits_of(map(checked_kind, wanted))]
    except ValueError as error:
        raise UsageError(str(error)) from None


def _cost(sign: str) -> Reader:
    # the plus: cards are walked in the order of the list, whose index knows their cost and date
    return lambda wanted: (f"+cost {sign} ?", [_nano(wanted[-1])])


def _date(sign: str, seconds: int) -> Reader:
    return lambda wanted: (f"+captioned_at {sign} ?", [_day(wanted[-1]) + seconds])


def _review(wanted: Sequence[str]) -> tuple[str, list[object]]:
    decided = [value for value in wanted if value != UNDECIDED]
    clauses: list[str] = []
    if UNDECIDED in wanted:
        clauses.append("undecided = 1")
    if decided:
        clauses.append(f"review IN ({', '.join('?' * len(decided))})")
    return f"({' OR '.join(clauses)})", list(decided)


def _words(text: str) -> tuple[str, list[object]]:
    """Search of cards that have all words, each as the beginning of one; "-word" must not occur,
    and words in quotes stand side by side."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, quoted, word in re.findall(r'(-?)(?:"([^"]*)"|(\S+))', text):
        words = _WORD.findall(quoted or word)
        if not words:
            continue
        phrase = f'"{" ".join(words)}"{"" if quoted else "*"}'
        (unwanted if minus else wanted).append(phrase)
    clauses: list[str] = []
    values: list[object] = []
    if wanted:
        clauses.append("id IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(" AND ".join(wanted))
    if unwanted:
        clauses.append("id NOT IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(" OR ".join(unwanted))
    return " AND ".join(clauses), values


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise UsageError(f"{text!r} is no number")
    return int(text)


def _nano(text: str) -> int:
    nano = parse_usd(text)
    if nano is None:
        raise UsageError(f"{text!r} is no amount of dollars")
    return nano


def _day(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise UsageError(f"{text!r} is no day: write 2026-11-27") from None


_READERS: Mapping[str, Reader] = {
    "review": _review,
    "spec": _numbers("spec"),
    "id": _numbers("id"),
    "flag": _flags,
    "finding": _findings,
    "captioned": lambda _: ("caption IS NOT NULL", []),
    "again": lambda _: ("going = 1", []),
    "min_cost": _cost(">="),
    "max_cost": _cost("<="),
    "since": _date(">=", 0),
    "until": _date("<", 86_400),
    "q": lambda wanted: _words(" ".join(wanted)),
}
"""Name of a filter -> its SQL and values."""
_KNOWN = {*_TEXT_FILTERS, *_READERS, "present"}
