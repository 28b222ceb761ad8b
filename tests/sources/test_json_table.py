from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources import json_table
from pipeline.sources.json_table import JsonTable, array_place, read_json
from pipeline.sources.table_rows import MAX_FIELD, MAX_LINE_CHARACTERS
from pipeline.sources.table_text import EarlierReading, survey_text


def table(path: Path, text: str | bytes) -> JsonTable:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    survey = survey_text(path, None, EarlierReading())
    return read_json(path, survey, None, array_place(path, survey.encoding))


def problems(path: Path, text: str | bytes) -> list[str]:
    return [row.detail for row in table(path, text).rows()]


def test_a_line_that_nobody_can_read_costs_its_own_row(tmp_path: Path) -> None:
    lines = [
        '{"path": "a"}',
        '{"path": "' + "x" * MAX_LINE_CHARACTERS + '"}',
        '{"path": "b", "t": "' + "x" * (MAX_FIELD + 1) + '"}',
        "[" * 100_000,
        '{"path": ' + "9" * 5_000 + "}",
        '{"path": "\\ud800.jpg"}',
        '{"path": "z"}',
    ]
    found = problems(tmp_path / "m.jsonl", "\n".join(lines))
    assert found[0] == found[-1] == ""
    assert [detail.split(":")[-1].strip() for detail in found[1:5]] == [
        "it is longer than 1,000,000 characters",
        "line 3 has a value of more than 131,072 characters",
        "it is nested too deeply",
        "it holds a number of too many digits",
    ]


def test_bytes_that_do_not_decode_are_one_bad_row(tmp_path: Path) -> None:
    lines = [json.dumps({"path": "ü.jpg"}, ensure_ascii=False).encode()] * 3 + [b'{"path": "\xff"}']
    assert problems(tmp_path / "m.jsonl", b"\n".join(lines))[3] == (
        "line 4 is no JSON: it holds bytes that do not decode"
    )


def test_an_array_in_utf_16_is_read(tmp_path: Path) -> None:
    read = table(tmp_path / "m.json", '[{"path": "ü.jpg"}]'.encode("utf-16"))
    assert [row.fields for row in read.rows()] == [("ü.jpg",)]


def test_keys_without_end_are_no_columns(tmp_path: Path) -> None:
    line = json.dumps({"path": "a", **{f"k{n}": 1 for n in range(10_001)}})
    with pytest.raises(UsageError, match="more than 10,000 different names"):
        table(tmp_path / "m.jsonl", line)


def test_a_line_of_an_object_with_images_that_are_no_list_is_a_line(tmp_path: Path) -> None:
    read = table(tmp_path / "m.jsonl", '{"path": "a", "images": 3}\n{"path": "b"}\n')
    assert (read.inside, read.header) == (None, ("path", "images"))


def test_what_is_too_deep_to_be_written_again_is_one_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text can be read by a few levels more than are left where it is written."""

    def text_of(_value: object) -> str:
        raise RecursionError

    read = table(tmp_path / "m.json", '[{"path": "a.jpg", "t": [[]]}]')
    monkeypatch.setattr(json_table, "text_of", text_of)
    (row,) = read.rows()
    assert (row.problem, row.detail) == ("bad_row", "object 1: it is nested too deeply")
