"""Columns of a page that are held shorter than by a value a row."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, repeat
from typing import Any, overload

HASH_BYTES = 32


class Repeated(Sequence[Any]):
    """One value in all rows.

    Attributes:
        value: it.
    """

    __slots__ = ("_rows", "value")

    def __init__(self, value: Any, rows: int) -> None:
        self.value, self._rows = value, rows

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[Any]:
        return repeat(self.value, self._rows)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> Repeated: ...

    def __getitem__(self, at: int | slice) -> Any:
        rows = range(self._rows)[at]
        return self.value if isinstance(rows, int) else Repeated(self.value, len(rows))


class Hashes(Sequence[bytes]):
    """Hashes of 32 bytes, held as one.

    Attributes:
        joined: all of them.
    """

    __slots__ = ("joined",)

    def __init__(self, joined: bytes) -> None:
        self.joined = joined

    def __len__(self) -> int:
        return len(self.joined) // HASH_BYTES

    def __iter__(self) -> Iterator[bytes]:
        # a sixth of the time of slices
        return iter(struct.unpack(f"{HASH_BYTES}s" * len(self), self.joined))

    @overload
    def __getitem__(self, at: int) -> bytes: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[bytes]: ...

    def __getitem__(self, at: int | slice) -> bytes | Sequence[bytes]:
        rows = range(len(self))[at]
        if isinstance(rows, int):
            return self.joined[rows * HASH_BYTES : (rows + 1) * HASH_BYTES]
        if rows.step != 1:
            return [self[row] for row in rows]
        return Hashes(self.joined[rows.start * HASH_BYTES : rows.stop * HASH_BYTES])


def shortest(column: Sequence[Any]) -> Sequence[Any]:
    """Hold a column as short as can be: equal columns become alike, however they were held. Its
    values are as SQLite gives them: those that are equal are of one type."""
    if isinstance(column, Repeated | Hashes) or not column:
        return column
    first = column[0]
    if isinstance(first, bytes):
        with suppress(TypeError):  # not all are bytes
            if {*map(len, column)} == {HASH_BYTES}:
                return Hashes(b"".join(column))
        return column
    is_repeated = first == column[-1] and column.count(first) == len(column)
    return Repeated(first, len(column)) if is_repeated else column


def joined_columns(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Join the columns of several pages to one."""
    first = parts[0]
    if isinstance(first, Repeated) and all(
        isinstance(part, Repeated) and part.value == first.value for part in parts
    ):
        return Repeated(first.value, sum(map(len, parts)))
    if all(isinstance(part, Hashes) for part in parts):
        return Hashes(b"".join([part.joined for part in parts]))  # type: ignore[attr-defined]
    return [*chain.from_iterable(parts)]
