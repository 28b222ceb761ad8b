from __future__ import annotations

import pytest

from pipeline.core.audit import (
    BITS,
    KINDS,
    SHARED,
    AuditRules,
    bits_of,
    checked_kind,
    names_of,
)


def test_bits_and_names() -> None:
    assert len(BITS) == len(KINDS) == len(set(BITS.values()))
    assert names_of(bits_of(["markup", "refusal"])) == ["refusal", "markup"]
    assert names_of(SHARED) == ["same_text", "alike", "same_opening", "language"]
    assert names_of(0) == []


def test_near_identical_captions_are_remarkable_in_number() -> None:
    assert [AuditRules(alike=20).least_alike(n) for n in (10, 20_000, 1_000_000)] == [20, 20, 1000]


def test_a_kind_that_does_not_exist() -> None:
    assert checked_kind("loop") == "loop"
    with pytest.raises(ValueError, match="'lop' is no finding of an audit: refusal, same_text"):
        checked_kind("lop")
