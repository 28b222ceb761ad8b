from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.sources.download.notes import Fetched
from pipeline.sources.download.url import Url, check_url
from pipeline.sources.download.web_session import conditions, fetched_from


def test_a_copy_is_asked_about_with_what_the_site_said() -> None:
    copy = Fetched(Path("x"), '"e"', "", 1, "", "")
    assert conditions(copy) == {"If-None-Match": '"e"'}
    assert conditions(None) == {}


@pytest.mark.parametrize(("etag", "noted"), [('"v"', '"v"'), ("x" * 999, ""), ("a\x07", "")])
def test_odd_headers_are_not_noted(etag: str, noted: str) -> None:
    url = check_url("http://example.org/a")
    assert isinstance(url, Url)
    response: Any = SimpleNamespace(headers={"ETag": etag})
    fetched = fetched_from(Path("x"), 3, url, response)
    assert (fetched.etag, fetched.size, fetched.final_url) == (noted, 3, url.text)
