from __future__ import annotations

import json

import pytest

from pipeline.sinks.json_values import json_line
from tests.sinks.rows import VALUES


def test_one_line_that_reads_back() -> None:
    line = json_line(VALUES)
    assert "\n" not in line
    read = json.loads(line)
    assert read["text"] == VALUES["text"]
    assert read["cost"] == "0.000125000"
    assert read["when"].startswith("2026-11-27T00:00:00")
    assert (read["count"], read["share"], read["sure"], read["nothing"]) == (3, 0.5, True, None)
    assert list(read) == list(VALUES)


def test_what_is_no_value_is_an_error() -> None:
    with pytest.raises(TypeError):
        json_line({"x": object()})
