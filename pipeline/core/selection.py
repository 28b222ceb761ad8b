"""Conditions over the table's columns, as `export --where` takes them.

    outcome = 'captioned' and not (path like 'drafts/%' or caption is null)
    billed_cost > 0.001 and model in ('gpt-6-luna', 'gpt-6-sol') and flags has 'blank'

Operators: = != <> < <= > >=, [not] like (% and _), [not] in (...), is [not] null, has (a word of a
list), and, or, not, parentheses. As in SQL a comparison with null is neither true nor false. It is
read here and not by a database: nothing in it can do more than compare.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pipeline.errors import UsageError

Row = Mapping[str, Any]
Condition = Callable[[Row], bool | None]
"""Three-valued test of a row by its columns: None where a null decides."""

_TOKEN = re.compile(
    r"""\s*(?: (?P<text>'(?:[^']|'')*') | (?P<quoted>"(?:[^"]|"")+") | (?P<number>-?\d+(?:\.\d+)?)
        | (?P<op><=|>=|!=|<>|=|<|>|\(|\)|,) | (?P<word>[^\W\d]\w*) )""",
    re.VERBOSE,
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RESERVED = frozenset({"and", "or", "not", "in", "is", "null", "like", "has", "true", "false"})
_DEEPEST = 50


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


def parse_condition(text: str, columns: Iterable[str]) -> Condition:
    """Read a condition over `columns`.

    Raises:
        UsageError: it is not one; the message says where, and names a column that is near.
    """
    parser = _Parser(text, tuple(columns))
    condition = parser.alternatives(0)
    parser.end()
    return condition


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise UsageError(f"--where: {text[position:].strip()[:20]!r} is not understood")
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match[kind], position))
        position = match.end()
    return [*tokens, _Token("end", "", len(text))]


class _Parser:
    """Recursive descent over the tokens; each method reads one rule and gives its condition."""

    def __init__(self, text: str, columns: tuple[str, ...]) -> None:
        self._tokens, self._next, self._columns = _tokens(text), 0, columns

    def end(self) -> None:
        if self._tokens[self._next].kind != "end":
            raise self._wrong("'and', 'or' or the end")

    def alternatives(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise UsageError(f"--where: more than {_DEEPEST} parentheses within each other")
        parts = [self._conjunction(depth)]
        while self._take_word("or"):
            parts.append(self._conjunction(depth))
        return _any_of(parts) if len(parts) > 1 else parts[0]

    def _conjunction(self, depth: int) -> Condition:
        parts = [self._factor(depth)]
        while self._take_word("and"):
            parts.append(self._factor(depth))
        return _all_of(parts) if len(parts) > 1 else parts[0]

    def _factor(self, depth: int) -> Condition:
        negated = False
        while self._take_word("not"):
            negated = not negated
        if self._take("op", "("):
            inner = self.alternatives(depth + 1)
            self._expect(")")
        else:
            inner = self._comparison()
        return _negated(inner) if negated else inner

    def _comparison(self) -> Condition:
        column = self._column()
        if self._take_word("is"):
            wanted = not self._take_word("not")
            if not self._take_word("null"):
                raise self._wrong("null")
            return lambda row: (row[column] is None) is wanted
        if self._take_word("has"):
            return _has(column, self._literal())
        negated = self._take_word("not")
        if self._take_word("in"):
            test = _in_list(column, self._list())
        elif self._take_word("like"):
            test = _like(column, str(self._literal()))
        elif not negated and self._tokens[self._next].text in _COMPARISONS:
            compare = _COMPARISONS[self._advance().text]
            return _compared(column, compare, self._literal())
        else:
            raise self._wrong("a comparison")
        return _negated(test) if negated else test

    def _column(self) -> str:
        token = self._tokens[self._next]
        is_name = token.kind == "word" and token.text.lower() not in _RESERVED
        if not is_name and token.kind != "quoted":
            raise self._wrong("a column")
        self._advance()
        name = token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text
        if name not in self._columns:
            close = difflib.get_close_matches(name, self._columns, 1)
            hint = (
                f"did you mean {close[0]}?" if close else "see the README for the table's columns"
            )
            raise UsageError(f"--where: there is no column {name!r}; {hint}")
        return name

    def _literal(self) -> object:
        token = self._advance()
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "number":
            return Decimal(token.text)
        if token.kind == "word" and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        self._next -= 1
        raise self._wrong("a text in '...', a number, true or false")

    def _list(self) -> list[object]:
        self._expect("(")
        values = [self._literal()]
        while self._take("op", ","):
            values.append(self._literal())
        self._expect(")")
        return values

    def _advance(self) -> _Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def _take(self, kind: str, text: str) -> bool:
        token = self._tokens[self._next]
        taken = token.kind == kind and token.text.lower() == text
        self._next += taken
        return taken

    def _take_word(self, word: str) -> bool:
        return self._take("word", word)

    def _expect(self, text: str) -> None:
        if not self._take("op", text):
            raise self._wrong(repr(text))

    def _wrong(self, expected: str) -> UsageError:
        token = self._tokens[self._next]
        place = "at its end" if token.kind == "end" else f"at {token.text!r}"
        return UsageError(f"--where: {expected} is expected {place}")


def _compared(column: str, compare: Callable[[Any, Any], bool], literal: object) -> Condition:
    def test(row: Row) -> bool | None:
        value = row[column]
        if value is None:
            return None
        try:
            return bool(compare(value, literal))
        except TypeError:
            raise UsageError(
                f"--where: column {column} holds {type(value).__name__}, which does not compare "
                f"with {literal!r}"
            ) from None

    return test


def _has(column: str, word: object) -> Condition:
    def test(row: Row) -> bool | None:
        value = row[column]
        if value is not None and not isinstance(value, list):
            raise UsageError(f"--where: column {column} holds no list: 'has' asks for one")
        return None if value is None else word in value

    return test


def _in_list(column: str, values: list[object]) -> Condition:
    return lambda row: None if row[column] is None else row[column] in values


def _like(column: str, pattern: str) -> Condition:
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    expression = re.compile("".join(parts), re.DOTALL)
    return lambda row: (
        None if row[column] is None else expression.fullmatch(str(row[column])) is not None
    )


def _negated(inner: Condition) -> Condition:
    def test(row: Row) -> bool | None:
        value = inner(row)
        return None if value is None else not value

    return test


def _all_of(parts: list[Condition]) -> Condition:
    def test(row: Row) -> bool | None:
        values = [part(row) for part in parts]
        return False if False in values else None if None in values else True

    return test


def _any_of(parts: list[Condition]) -> Condition:
    def test(row: Row) -> bool | None:
        values = [part(row) for part in parts]
        return True if True in values else None if None in values else False

    return test
