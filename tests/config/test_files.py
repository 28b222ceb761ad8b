from __future__ import annotations

import pytest

from pipeline.config import load_config
from pipeline.errors import UsageError


def test_texts_that_are_there_may_be_named_in_several_places() -> None:
    config = load_config(None, {"input.skip_captioned": ["sidecar", "column:alt"]})
    assert config.input.skip_captioned == ("sidecar", "column:alt")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"input.skip_captioned": ["texts"]}, "column:NAME"),
        ({"output.sidecar_suffix": "txt"}, r"write it like \.txt"),
        ({"output.sidecar_template": "{caption"}, "template"),
        ({"output.sidecar_json": True, "output.sidecars": "append"}, "keep"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_config(None, values)
