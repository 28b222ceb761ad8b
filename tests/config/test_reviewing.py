from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.config import load_config
from pipeline.errors import UsageError


def test_findings_that_nobody_looks_for_are_known_ones() -> None:
    assert load_config(None, {"audit.off": ["loop"]}).audit.off == ("loop",)
    with pytest.raises(UsageError, match="'lop' is no finding of an audit: refusal, "):
        load_config(None, {"audit.off": ["lop"]})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("echo_words", 2),
        ("same_text", 1),
        ("alike", 1),
        ("trigger_word", ""),
        ("opening_share", -1),
    ],
)
def test_thresholds_within_reason(key: str, value: object) -> None:
    with pytest.raises(UsageError, match=key):
        load_config(None, {f"audit.{key}": value})


def test_defaults() -> None:
    config = load_config(None, {})
    assert config.audit.opening_share == Decimal("0.25")
    assert (config.review.reviewer, config.review.include_reviewed) == (None, False)
