"""Requests in flight, against a service that is played in this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.rate_limit import RateLimiter
from pipeline.errors import Ambiguous, DefiniteRefusal, StorageError
from pipeline.providers.base import AccountRefusal
from pipeline.stages.online.dispatcher import Dispatcher
from pipeline.stages.online.group import Group
from pipeline.stages.online.journal import Journal, read_journal

Body = Mapping[str, Any]


@dataclass
class Said:
    status: int = 200
    body: bytes = b'{"choices": []}'
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str | None = None


@dataclass
class Played:
    """Answers as `play` says; counts what is under way."""

    play: Callable[[Body], Awaitable[Said]]
    in_flight: int = 0
    most: int = 0
    asked: list[Any] = field(default_factory=list)
    closed: bool = False

    async def ask(self, body: Body) -> Said:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        self.asked.append(body["n"])
        try:
            return await self.play(body)
        finally:
            self.in_flight -= 1

    async def close(self) -> None:
        self.closed = True


async def at_once(_body: Body) -> Said:
    await asyncio.sleep(0.001)
    return Said()


def group(folder: Path, row: int, count: int) -> Group:
    requests = deque((f"cm-{row}-{n}", {"n": (row, n)}) for n in range(count))
    return Group(row, Journal(folder / f"{row}.journal"), requests, 100)


def everything(flight: Dispatcher) -> list[int]:
    """Rows of the groups, as they land."""
    rows, deadline = [], time.monotonic() + 120
    while flight.open:
        assert time.monotonic() < deadline
        finished = flight.finished(0.05)
        if finished is not None:
            rows.append(finished.row)
    return rows


def flown(folder: Path, played: Played, *sizes: int, in_flight: int = 4) -> Dispatcher:
    with Dispatcher(lambda: played, RateLimiter(in_flight, first_pause=0.01)) as flight:
        for row, size in enumerate(sizes):
            flight.send(group(folder, row, size))
        assert sorted(everything(flight)) == list(range(len(sizes)))
    assert played.closed
    return flight


def test_every_request_goes_once_and_never_too_many_at_a_time(tmp_path: Path) -> None:
    played = Played(at_once)
    flight = flown(tmp_path, played, 30, 1, 10)
    assert sorted(played.asked) == [(r, n) for r, c in enumerate((30, 1, 10)) for n in range(c)]
    assert played.most == 4
    assert (flight.error, flight.answered, flight.waiting) == (None, 41, 0)
    assert len(read_journal(tmp_path / "0.journal").answers) == 30


def test_a_request_is_in_the_journal_before_it_leaves(tmp_path: Path) -> None:
    async def look(body: Body) -> Said:
        row, number = body["n"]
        assert f"cm-{row}-{number}" in read_journal(tmp_path / f"{row}.journal").sent
        return Said()

    assert flown(tmp_path, Played(look), 20).error is None


def test_a_refusal_goes_again_and_is_void_in_between(tmp_path: Path) -> None:
    refused: set[Any] = set()

    async def twice(body: Body) -> Said:
        if body["n"] not in refused:
            refused.add(body["n"])
            raise DefiniteRefusal("429", status=429, retry_after=0.001)
        return Said()

    played = Played(twice)
    assert flown(tmp_path, played, 5).error is None
    assert len(played.asked) == 10
    assert len(read_journal(tmp_path / "0.journal").answers) == 5


def test_lost_answers_are_written_down_and_do_not_go_again(tmp_path: Path) -> None:
    async def odd(body: Body) -> Said:
        if body["n"][1] == 3:
            raise Ambiguous("cut off")
        return Said()

    played = Played(odd)
    assert flown(tmp_path, played, 6).error is None
    assert len(played.asked) == 6
    kept = read_journal(tmp_path / "0.journal").answers.values()
    assert sum(b"cut off" in line for (line,) in kept) == 1


def test_what_a_person_must_mend_brings_everything_down(tmp_path: Path) -> None:
    async def no_credit(body: Body) -> Said:
        if body["n"] == (0, 2):
            raise AccountRefusal("no credit")
        await asyncio.sleep(0.001)
        return Said()

    played = Played(no_credit)
    flight = flown(tmp_path, played, 20, 20, in_flight=2)
    assert isinstance(flight.error, AccountRefusal)
    assert len(played.asked) < 8
    assert "cm-0-2" not in read_journal(tmp_path / "0.journal").sent
    with Dispatcher(lambda: played, RateLimiter(1)) as grounded:
        grounded.stop()
        grounded.send(group(tmp_path, 9, 3))
        assert everything(grounded) == [9]
    assert read_journal(tmp_path / "9.journal").sent == set()


def test_trouble_without_end_is_given_up(tmp_path: Path) -> None:
    async def never(_body: Body) -> Said:
        raise DefiniteRefusal("no connection")

    flight = flown(tmp_path, Played(never), 3)
    assert isinstance(flight.error, DefiniteRefusal)
    assert read_journal(tmp_path / "0.journal").sent == set()


def test_stopping_waits_for_what_is_under_way_and_sends_no_more(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def held(_body: Body) -> Said:
        await gate.wait()
        return Said()

    async def first_then_held(body: Body) -> Said:
        return Said() if body["n"] == (0, 0) else await held(body)

    played = Played(first_then_held)
    with Dispatcher(lambda: played, RateLimiter(3)) as flight:
        flight.send(group(tmp_path, 0, 10))
        while played.in_flight < 3:
            time.sleep(0.005)
        flight.stop()
        assert flight.finished(0.05) is None
        flight._call(gate.set)
        assert everything(flight) == [0]
    assert len(played.asked) == 4
    assert len(read_journal(tmp_path / "0.journal").sent) == 4
    assert len(read_journal(tmp_path / "0.journal").answers) == 4


def test_a_journal_that_cannot_be_written_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Journal, _names: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(Journal, "about_to_send", full)
    played = Played(at_once)
    flight = flown(tmp_path, played, 5)
    assert isinstance(flight.error, StorageError)
    assert played.asked == []


def test_a_bug_is_not_waited_for_in_silence(tmp_path: Path) -> None:
    async def bug(_body: Body) -> Said:
        raise ZeroDivisionError

    with Dispatcher(lambda: Played(bug), RateLimiter(1)) as flight:
        flight.send(group(tmp_path, 0, 2))
        with pytest.raises(ZeroDivisionError):
            everything(flight)
        assert flight.open == 0


def test_requests_on_their_way_are_more_than_awaited(tmp_path: Path) -> None:
    answer = threading.Event()

    async def slowly(_body: Body) -> Said:
        while not answer.is_set():
            await asyncio.sleep(0.001)
        return Said()

    played = Played(slowly)
    with Dispatcher(lambda: played, RateLimiter(2, first_pause=0.01)) as flight:
        assert flight.only_awaits
        flight.send(group(tmp_path, 0, 1))
        while not played.asked:
            time.sleep(0.001)
        assert (flight.waiting, flight.only_awaits) == (0, False)
        answer.set()
        assert everything(flight) == [0]
        assert flight.only_awaits
