from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.storage.object_key import is_odd, stamp_of_object

TIME = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC)


def test_a_stamp_is_the_etag_and_else_the_time() -> None:
    assert stamp_of_object({"e_tag": '"a"', "last_modified": TIME}) == '"a"'
    assert (
        stamp_of_object({"e_tag": None, "last_modified": TIME}) == "time:2026-01-02T03:04:05+00:00"
    )


def test_a_stamp_has_quotes_whatever_the_listing_has() -> None:
    assert stamp_of_object({"e_tag": "0x8D", "last_modified": TIME}) == '"0x8D"'
    assert stamp_of_object({"e_tag": 'W/"a"', "last_modified": TIME}) == 'W/"a"'


def test_a_stamp_is_compared_with_one_of_its_kind() -> None:
    listed = "time:2026-01-02T03:04:05+00:00"
    assert stamp_of_object({"e_tag": '"a"', "last_modified": TIME}, listed) == listed


@pytest.mark.parametrize("key", ["a//b", "/a", "a/", ".", "a/..", "./a", "a/./b", "a\nb", "a\x7f"])
def test_keys_that_are_no_paths_are_odd(key: str) -> None:
    assert is_odd(key)


@pytest.mark.parametrize("key", ["a", "a/b.jpg", ".a", "a..b", "...", "ü \\ %2e", ""])
def test_other_keys_are_not(key: str) -> None:
    assert not is_odd(key)
