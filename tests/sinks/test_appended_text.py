from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.sinks.appended_text import appended_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_caption_is_added_in_the_texts_own_encoding_once(encoding: str) -> None:
    before = "grüße\r\n".encode(encoding)
    after = appended_text(Path("a.txt"), before, "ein Kaffee", "cp1252")
    assert after is not None
    assert after.decode(encoding) == "grüße\r\nein Kaffee\r\n"
    assert appended_text(Path("a.txt"), after, "ein Kaffee", "cp1252") is None


def test_a_text_of_no_clear_encoding_is_left_alone() -> None:
    with pytest.raises(StorageError, match="name its encoding"):
        appended_text(Path("a.txt"), b"gr\xfc\xdfe \x81", "a cat", None)
