from __future__ import annotations

import pytest

from pipeline.core.reading_rules import CURRENT, TODAY, ReadingRules


def test_today_is_the_newest_version() -> None:
    assert ReadingRules(CURRENT, frozenset()) == TODAY


@pytest.mark.parametrize("version", [0, CURRENT + 1, -1])
def test_unknown_versions_are_refused(version: int) -> None:
    with pytest.raises(ValueError, match="rules 1 to"):
        ReadingRules(version)
