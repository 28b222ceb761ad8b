from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.server.fault_rules import RequestFault


def test_rules_are_values() -> None:
    rule = RequestFault(action="delay", nth=2)
    assert rule.numbers == (2,)
    assert rule == RequestFault(action="delay", nth=2)
    with pytest.raises(ValidationError):
        rule.nth = 3  # type: ignore[misc]
