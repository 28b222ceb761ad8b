from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.lenient_json import Unreadable, parse_json, storable_text, storable_value

_texts = st.text(st.characters(exclude_categories=["Cs"]))
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts,
    lambda below: st.lists(below) | st.dictionaries(_texts, below),
)


@given(_json)
def test_json_is_json(value: object) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value).encode()) == value


def test_what_strict_parsers_refuse_is_still_read() -> None:
    nan = parse_json(b'{"a": NaN}')
    assert isinstance(nan, dict)
    assert math.isnan(nan["a"])
    assert parse_json(b'{"a": "\\ud800"}') == {"a": "\ud800"}
    assert parse_json(b'{"a": "caf\xe9"}') == {"a": "caf\ufffd"}
    assert parse_json(b'{"a": "two\nlines\t"}') == {"a": "two\nlines\t"}
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert parse_json(b'{"a": NaN, "b": ' + b"9" * 10_000 + b"}")["b"] == math.inf  # type: ignore[index]


@pytest.mark.parametrize("raw", [b"", b"{", b"nope", b'{"a":1}{', b"[" * 100_000, "\ud800"])
def test_what_cannot_be_read_has_a_reason(raw: bytes | str) -> None:
    with pytest.raises(Unreadable, match="it is"):
        parse_json(raw)


def test_cleaning() -> None:
    assert storable_text("a\0b\ud800c\u2028é") == "a\0b\ufffdc\u2028é"
    assert storable_value({"a\udfff": ["\ud83d", 1, None, True, 0.5, "\0"]}) == {
        "a\ufffd": ["\ufffd", 1, None, True, 0.5, "\0"]
    }
    assert storable_value([math.nan, math.inf, -math.inf]) == ["NaN", "Infinity", "-Infinity"]
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(Unreadable, match="nested"):
        storable_value(deep)


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(Unreadable):
        parse_json(raw)
