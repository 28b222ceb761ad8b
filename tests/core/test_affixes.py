from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.affixes import Dress


@given(st.text(), st.text(), st.text())
def test_a_caption_stays_whole_inside(prefix: str, caption: str, suffix: str) -> None:
    dressed = Dress(prefix, suffix).of(caption)
    assert dressed[len(prefix) : len(dressed) - len(suffix)] == caption


def test_dresses_are_told_apart() -> None:
    texts = [Dress(*pair).to_text() for pair in (("", ""), ("a", ""), ("", "a"), ("a", "a"))]
    assert len(set(texts)) == 4
    assert texts[0] == ""
