from __future__ import annotations

from pipeline.sources.download.placeholders import ENOUGH, Placeholders


def test_enough_addresses_make_a_placeholder() -> None:
    placeholders = Placeholders()
    for number in range(ENOUGH - 1):
        assert placeholders.add(f"a{number}", "target") == []
        assert placeholders.add(f"a{number}", "target") == []  # the same address counts once
        assert placeholders.add(f"b{number}", f"own{number}") == []
    assert sorted(placeholders.add("last", "target")) == ["a0", "a1", "a2", "last"]
    assert placeholders.add("one more", "target") == ["one more"]
    assert placeholders.add("a0", "target") == ["a0"]
    assert placeholders.count == ENOUGH + 1
