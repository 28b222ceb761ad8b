from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.sinks.text_template import filled_text


def test_fields_are_put_in() -> None:
    values = {"caption": "a cat", "tags": ["x", "y"], "note": None, "width": 3}
    assert filled_text("{caption}, {tags}{note} {{{width}}}", values) == "a cat, x, y {3}"


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(UsageError, match=r"\{tag\}.*caption"):
        filled_text("{tag}", {"caption": "a cat"})
