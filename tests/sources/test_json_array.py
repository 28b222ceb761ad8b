from __future__ import annotations

import io
import json

import pytest

from pipeline.sources import json_array
from pipeline.sources.json_array import CutArray, array_elements
from pipeline.sources.table_rows import MAX_LINE_CHARACTERS

VALUES = [
    {"path": 'a "quoted", [b].jpg', "t": "\\"},
    {"path": "c\\", "deep": [[{"x": ["}", "]", ","]}], {}]},
    "text",
    3.5,
    None,
    [1, [2]],
]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1 << 16])
@pytest.mark.parametrize("key", [None, "images"])
def test_elements_are_told_apart_wherever_a_piece_ends(
    monkeypatch: pytest.MonkeyPatch, piece: int, key: str | None
) -> None:
    monkeypatch.setattr(json_array, "_PIECE", piece)
    text = json.dumps(VALUES if key is None else {"a": {key: [0]}, "b": key, key: VALUES, "c": [9]})
    assert [json.loads(element) for element in array_elements(io.StringIO(text), key)] == VALUES


def test_of_a_long_element_the_beginning_is_given() -> None:
    text = '["' + "x" * (2 * MAX_LINE_CHARACTERS) + '", "b"]'
    long, short = array_elements(io.StringIO(text))
    assert MAX_LINE_CHARACTERS < len(long) < 2 * MAX_LINE_CHARACTERS
    assert short == '"b"'


@pytest.mark.parametrize("text", ["[1", '["a]', "[{]", "[1]]", "[1] x", "]"])
def test_an_end_that_is_not_clear_is_an_error(text: str) -> None:
    with pytest.raises(CutArray):
        list(array_elements(io.StringIO(text)))
