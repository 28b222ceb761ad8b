"""Values of cells from what the ledger says of many rows at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, overload

import orjson

from pipeline.core.identity import custom_ids, joined_custom_ids
from pipeline.core.page_columns import HASH_BYTES, Hashes, Repeated


class EqualLengthTexts(Sequence[str]):
    """Texts of one length, held as one: an Arrow array takes it as it is.

    Attributes:
        joined: all of them.
        length: characters of each.
    """

    __slots__ = ("joined", "length")

    def __init__(self, joined: str, length: int) -> None:
        self.joined, self.length = joined, length

    def __len__(self) -> int:
        return len(self.joined) // self.length

    def __iter__(self) -> Iterator[str]:
        for at in range(0, len(self.joined), self.length):
            yield self.joined[at : at + self.length]

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        return list(self)[at]


def hex_texts(values: Sequence[Any]) -> Sequence[str | None]:
    """Hex of bytes; texts are hex already."""
    if isinstance(values, Hashes):
        return EqualLengthTexts(values.joined.hex(), 2 * HASH_BYTES)
    return [value.hex() if isinstance(value, bytes) else value for value in values]


def by_number(numbers: Sequence[object], facts: Mapping[object, object]) -> Sequence[object]:
    """Cell of each number, None where there is none."""
    if isinstance(numbers, Repeated):
        return Repeated(hex_texts([facts.get(numbers.value)])[0], len(numbers))
    return hex_texts([facts.get(number) for number in numbers])


_NOTHING: Mapping[str, object] = {}


def json_object(text: object) -> Mapping[str, object]:
    """JSON object of a text, an empty one for anything else."""
    if not text:
        return _NOTHING
    try:
        value = orjson.loads(str(text))
    except ValueError:  # it is strict about lone surrogates and huge numbers
        value = json.loads(str(text))
    return value if isinstance(value, dict) else _NOTHING


def flag_lists(texts: Sequence[object]) -> Sequence[object]:
    """Lists from texts with commas."""
    if isinstance(texts, Repeated):
        return Repeated(flag_lists([texts.value])[0], len(texts))
    known: dict[object, list[str] | None] = {None: None, "": []}  # there are few different ones
    for text in set(texts) - known.keys():
        known[text] = str(text).split(",")
    return [known[text] for text in texts]


def custom_id_cells(keys: Sequence[Any], attempts: Sequence[Any]) -> Sequence[str | None]:
    """Ids of requests from works and attempts; None where either is."""
    if isinstance(keys, Hashes) and isinstance(attempts, Repeated) and attempts.value is not None:
        joined = joined_custom_ids([*keys], attempts.value)
        return EqualLengthTexts(joined, len(joined) // len(keys))
    if str in {*map(type, keys)}:
        keys = [bytes.fromhex(key) if isinstance(key, str) else key for key in keys]
    if None not in keys and None not in attempts:
        return custom_ids(keys, attempts)
    sent = [None not in pair for pair in zip(keys, attempts, strict=True)]
    made = iter(custom_ids([*compress(keys, sent)], [*compress(attempts, sent)]))
    return [next(made) if one else None for one in sent]
