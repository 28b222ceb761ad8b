from __future__ import annotations

from pipeline.storage.containers.value_text import value_text


def test_any_value_of_json_is_text_that_can_be_stored() -> None:
    values = [None, float("nan"), "a\0\ud800", True, 3, 1.5, ["é"], {"a": None}]
    texts = [value_text(value) for value in values]
    assert texts == ["", "", "a ?", "true", "3", "1.5", '["é"]', '{"a": null}']
    for text in texts:
        text.encode()
