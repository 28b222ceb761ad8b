from __future__ import annotations

import sys

import pytest

import pipeline.config  # noqa: F401 (all sections)
from pipeline.config.section import Section, expiry, hook_url, service_url


def test_an_address_of_a_service_holds_no_key() -> None:
    assert service_url("https://example.com/v1/") == "https://example.com/v1"
    for bad in ("example.com/v1", "https://me@example.com", "https://example.com/v1?key=5"):
        with pytest.raises(ValueError, match=r"an address"):
            service_url(bad)


def test_an_address_of_a_hook_may_hold_a_token() -> None:
    assert hook_url("https://example.com/x?sig=5") == "https://example.com/x?sig=5"
    for bad in ("example.com", "ftp://example.com", "https:///x", "https://exämple.com"):
        with pytest.raises(ValueError, match=r"write an address"):
            hook_url(bad)


def test_uploads_expire_within_limits_or_not_at_all() -> None:
    assert (expiry(0), expiry(3600), expiry(2_592_000)) == (0, 3600, 2_592_000)
    for bad in (1, 3599, 2_592_001):
        with pytest.raises(ValueError, match="1h"):
            expiry(bad)


def test_annotations_of_sections_are_evaluated_by_python() -> None:
    modules = {sys.modules[kind.__module__] for kind in [Section, *Section.__subclasses__()]}
    assert len(modules) > 5
    assert not [module.__name__ for module in modules if "annotations" in vars(module)]
