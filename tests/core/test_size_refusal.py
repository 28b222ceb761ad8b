from __future__ import annotations

import pytest

from pipeline.core.size_refusal import is_too_large


@pytest.mark.parametrize(
    ("words", "too_large"),
    [
        (
            "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45000",
            True,
        ),
        ("tokens per minute: limit: 6,000, requested: 9,337", True),
        ("The input is too long", True),
        ("request_too_large", True),
        ("Rate limit reached: Limit 30000, Used 29000, Requested 2000. Try again in 6s", False),
        ("Too many requests", False),
        ("You exceeded your current quota", False),
        ("The queue is too long; try again", False),
    ],
)
def test_what_no_waiting_heals(words: str, too_large: bool) -> None:
    assert is_too_large(words) is too_large
