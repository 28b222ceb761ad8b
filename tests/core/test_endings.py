from __future__ import annotations

import pytest

from pipeline.core.endings import ending_of


@pytest.mark.parametrize(
    ("word", "ending"),
    [
        ("stop", "whole"), ("STOP", "whole"), ("end_turn", "whole"),
        ("length", "length"), ("MAX_TOKENS", "length"), ("FINISH_REASON_MAX_TOKENS", "length"),
        ("content_filter", "filtered"), ("SAFETY", "filtered"), ("RECITATION", "filtered"),
        ("error", "failed"), ("abort", "failed"), ("cancelled", "failed"),
        ("", "unknown"), ("because", "unknown"), ("stopped_early", "unknown"),
    ],
)  # fmt: skip
def test_words_of_endings(word: str, ending: str) -> None:
    assert ending_of(word) == ending
