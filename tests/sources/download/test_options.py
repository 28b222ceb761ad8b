from __future__ import annotations

import pytest

from pipeline.core.address import PUBLIC_ONLY, forbidden
from pipeline.sources.download.options import FetchOptions


def test_nothing_is_allowed_unless_said() -> None:
    options = FetchOptions()
    assert not options.allow
    assert not options.allow_private
    assert options.allow_addresses == ()
    assert options.ports == {80, 443}
    assert options.rules == PUBLIC_ONLY


def test_rules_are_what_was_said() -> None:
    rules = FetchOptions(allow_private=True, allow_addresses=("127.0.0.1",)).rules
    assert forbidden("10.0.0.1", rules) is None
    assert forbidden("127.0.0.1", rules) is None
    assert forbidden("127.0.0.2", rules)


def test_an_allowed_address_is_a_network() -> None:
    with pytest.raises(ValueError, match="localhost"):
        _ = FetchOptions(allow_addresses=("localhost",)).rules
