from __future__ import annotations

import pytest

from pipeline.core.existing_text import (
    TextPlaces,
    captions_within,
    checked_places,
    equals_any,
    text_digest,
    whole_and_end,
)
from pipeline.core.table_form import Affixes

NONE = Affixes()


def test_places() -> None:
    places = TextPlaces(checked_places(["column:alt text", "sidecar"]))
    assert places.columns == ("alt text",)
    assert places.beside
    assert not TextPlaces(("column:alt",)).beside


@pytest.mark.parametrize("words", [["alt"], ["column:"], ["xmp", "xmp"], ["Sidecar"]])
def test_what_is_no_place_is_refused(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"give|twice"):
        checked_places(words)


def test_texts_that_differ_by_system_only_are_equal() -> None:
    assert text_digest("a\r\nb\n") == text_digest(" a\nb") != text_digest("a b")
    text_digest("half \ud800")


def test_a_last_line_may_have_been_added() -> None:
    assert whole_and_end("tags\na cat\n") == ("tags\na cat", "a cat")
    assert whole_and_end("a cat") == ("a cat",)


def test_captions_are_compared_with_and_without_affixes() -> None:
    affixes = Affixes("ohwx, ", " -end")
    assert "a cat" in captions_within("ohwx, a cat -end\n", affixes)
    assert equals_any("tags\nohwx, a cat -end", ["a dog", None, "a cat "], affixes)
    assert not equals_any("a cat on a mat", ["a cat"], affixes)
    assert not equals_any("", ["a cat"], NONE)
