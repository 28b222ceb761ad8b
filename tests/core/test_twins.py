from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.core.lifecycle import RUN, SHARD, WORKSPACE
from pipeline.core.twins import (
    Begin,
    Listings,
    OurCalls,
    made_since,
    twin_batches,
    twin_sentence,
)
from pipeline.records import RemoteBatch

OURS = OurCalls(
    "w1", frozenset({"known"}), frozenset({"mine", "mine too"}), frozenset({"000001-aaaaaaaa"})
)


def batch(name: str, created_at: int = 100, **metadata: str) -> RemoteBatch:
    names = {"workspace": WORKSPACE, "shard": SHARD, "run": RUN}
    return RemoteBatch(
        name, "in_progress", "file-1", None, None, created_at,
        metadata={names[key]: value for key, value in metadata.items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("listed", "explained"),
    [
        (batch("known", workspace="w1", run="theirs"), True),
        (batch("b", workspace="w2", run="theirs"), True),  # another workspace's business
        (batch("b"), True),
        (batch("b", workspace="w1", run="mine"), True),
        (batch("b", workspace="w1", run="mine too", shard="000009-bbbbbbbb"), True),
        (batch("b", workspace="w1", run="theirs", shard="000001-aaaaaaaa"), False),
        (batch("b", workspace="w1", shard="000001-aaaaaaaa"), True),  # of version 0.1.0
        (batch("b", workspace="w1", shard="000002-aaaaaaaa"), False),
        (batch("b", workspace="w1"), False),
    ],
)
def test_a_batch_is_explained_by_a_create_call_of_this_ledger(
    listed: RemoteBatch, explained: bool
) -> None:
    assert OURS.explains(listed) is explained


@pytest.mark.parametrize(
    ("name", "created_at", "at", "since"),
    [
        ("new", 101, 100, True),
        ("new", 100, 100, True),  # the second of the begin: not listed, so made after
        ("new", 99, 100, False),  # of a backup, listed late
        ("new", 0, 100, True),  # no time: the list tells
        ("new", 99, None, True),
        ("listed", 99, 100, False),
        ("listed", 100, 100, False),
        ("listed", 101, 100, False),  # clocks of one service may differ; it was there
        ("listed", 0, None, False),
    ],
)
def test_what_was_made_since_the_begin(
    name: str, created_at: int, at: int | None, since: bool
) -> None:
    assert made_since(batch(name, created_at), Begin(at, frozenset({"listed"}))) is since


def test_a_twin_is_told_from_a_backup_by_time_until_one_is_noted() -> None:
    begin = Begin(100, frozenset())
    backup = batch("old", 50, workspace="w1", run="theirs")
    theirs = batch("new", 150, workspace="w1", run="theirs")
    mine = batch("lost call", 150, workspace="w1", run="mine")
    listed = [backup, theirs, mine]
    assert twin_batches(listed, OURS, begin, noted=False) == [theirs]
    assert twin_batches(listed, OURS, begin, noted=True) == [backup, theirs]


def test_the_sentence_names_the_batch_and_both_ways_on() -> None:
    text = twin_sentence(batch("batch_7"))
    for words in ("batch_7", "resolve twin", "resolve new-identity", "Nothing more is sent"):
        assert words in text


def counted(batches: list[RemoteBatch], drawn: list[str]) -> Iterator[RemoteBatch]:
    for one in batches:
        drawn.append(one.id)
        yield one


def test_only_what_is_newer_is_drawn_from_a_long_list() -> None:
    old = [batch(f"b{n}", n) for n in range(1000, 0, -1)]
    listings = Listings()
    listings.note(old, 1001)
    assert listings.begin == Begin(1001, frozenset(one.id for one in old))
    drawn: list[str] = []
    late = batch("late", 990)
    now = [batch("new", 1002), *old[:10], late, *old[10:]]
    newer = list(listings.newer(counted(now, drawn)))
    assert {"new", "late"} <= {one.id for one in newer}
    assert len(drawn) <= 65


def test_a_list_in_another_order_is_read_to_its_end() -> None:
    old = [batch(f"b{n}", n) for n in range(300)]
    listings = Listings()
    listings.note(old, 301)
    drawn: list[str] = []
    newer = list(listings.newer(counted([*old, batch("new", 302)], drawn)))
    assert newer[-1].id == "new"
    assert len(drawn) == 301


def test_the_begin_stays_that_of_the_first_list() -> None:
    listings = Listings()
    listings.note([], 100)
    listings.note([batch("b", 150)], 200)
    assert listings.begin == Begin(100, frozenset())
    assert listings.seen == {"b"}
