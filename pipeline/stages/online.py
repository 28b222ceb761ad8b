"""online: the same shards, sent one request at a time and answered at once.

A small group of requests is to the ledger what a batch is: one reservation before anything is
sent, one settling afterwards. Its raw answers come out of its journal instead of a download.
"""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from pipeline.core.answer import split_lines
from pipeline.core.identity import custom_id
from pipeline.core.pace import Pace
from pipeline.core.packing import ShardLimits
from pipeline.errors import CaptionmillError, NeedsPerson, OverBudget
from pipeline.failpoints import reached
from pipeline.files import remove, require_room, whole_file
from pipeline.ledger.batches import Batch
from pipeline.ledger.groups import ONLINE, Groups, is_online
from pipeline.ledger.shards import Shard
from pipeline.records import RemoteBatch
from pipeline.stages.caption import Tally, Watcher
from pipeline.stages.collect import Collected, collect, raw_path, settle_batch
from pipeline.stages.desk import FROZEN, Desk
from pipeline.stages.flight import Flight, Group, OnlineService
from pipeline.stages.journal import Journal, journal_path, keep_answers, told
from pipeline.stages.write import Writer

GROUP = ShardLimits(requests=50, bytes=64_000_000, tokens=10**12)
"""One reservation and one settling for so many requests."""

_ANSWER_ROOM = 8_192  # bytes an answer may need, generously
_LOOK = 0.2  # seconds between two looks at a request to stop

Feed = Callable[[Writer], Iterator[int]]
"""Writes what is wanted, yields the row of each group sealed."""


class OnlineCaptioner:
    """One run over one source, or over a sample of it; never waits for a batch."""

    def __init__(
        self,
        desk: Desk,
        writer: Callable[[], Writer],
        feed: Feed,
        connect: Callable[[], OnlineService],
        pace: Callable[[], Pace],
        watcher: Watcher,
        *,
        most_tokens: int,
        ahead: int,
    ) -> None:
        """Prepare a run.

        Args:
            writer, feed: make and write the groups; called again when images go again.
            connect: opens the service, in the thread that asks.
            pace: a fresh one for each flight.
            most_tokens: the longest answer, which services count against the token limit.
            ahead: how many requests may wait to be sent.
        """
        self.desk, self.tally = desk, Tally()
        self._writer, self._feed = writer, feed
        self._connect, self._pace, self._watcher = connect, pace, watcher
        self._most_tokens, self._ahead = most_tokens, ahead
        self._short: OverBudget | None = None
        self._again = self._news = False

    def caption(self) -> Tally:
        """Do it. Never raises for what a later run can mend: see `Tally.error`."""
        take_apart(self.desk)
        self._count(collect(self.desk))
        with Flight(self._connect, self._pace()) as flight:
            try:
                self._fly(flight)
            finally:  # also when asked to stop: what is under way is awaited and booked
                flight.stop()
                while flight.open:
                    self._land(flight, _LOOK)
        if flight.error is not None:
            self.tally.fail(flight.error)
        elif self._short is not None:
            self.tally.fail(self._short)
            self.tally.waiting["budget"] += 1
        return self.tally

    def _fly(self, flight: Flight) -> None:
        """Feed until nothing goes again and no room comes back to the budget."""
        while True:
            self._short, self._again, self._news = None, False, False
            try:
                for shard in self._feed(self._writer()):
                    self._depart(flight, shard)
                    if flight.error is not None:
                        return
            except OverBudget as error:
                self._short = error
            while flight.open and flight.error is None:
                self._land(flight, _LOOK)
                self.desk.check_stop()
            frozen = self.tally.error is not None or flight.error is not None
            if frozen or not (self._again or (self._short is not None and self._news)):
                return

    def _depart(self, flight: Flight, row: int) -> None:
        """Reserve a sealed group and hand it over, in turn with those before it."""
        ledger = self.desk.ledger
        shard = ledger.shards.get(row)
        try:
            while flight.waiting >= self._ahead and flight.error is None:
                self._land(flight, _LOOK)
                self.desk.check_stop()
            frozen = ledger.get(FROZEN)
            if frozen:
                raise NeedsPerson(frozen)
            self._reserve(flight, shard)
        except CaptionmillError as error:
            ledger.shards.dissolve(shard)
            if not isinstance(error, NeedsPerson):
                raise
            self.tally.fail(error)
            flight.stop()
            return
        self._watcher.sealed(shard.requests)
        batch = ledger.batches.by_id(shard.shard_key)
        assert batch is not None
        flight.send(self._group(shard, batch))
        self.tally.requests += shard.requests
        while self._land(flight, 0.0):
            pass

    def _reserve(self, flight: Flight, shard: Shard) -> None:
        """Set the group's highest cost aside; earlier groups may have to give room back first."""
        desk = self.desk
        require_room(desk.workspace.root, shard.size // 10 + shard.requests * _ANSWER_ROOM)
        while True:
            try:
                begin(desk, shard)
                return
            except OverBudget:
                if not flight.open:
                    raise
            self._land(flight, _LOOK)
            desk.check_stop()

    def _group(self, shard: Shard, batch: Batch) -> Group:
        requests: deque[tuple[str, dict[str, Any]]] = deque()
        with self.desk.workspace.shard(shard.shard_key).open("rb") as stream:
            for _, line in split_lines(stream):
                found = orjson.loads(line)
                requests.append((found["custom_id"], found["body"]))
        tokens = max(shard.prompt_tokens // max(1, shard.requests), self._most_tokens)
        journal = Journal(journal_path(self.desk.workspace.raw, shard.shard_key))
        return Group(batch.row, journal, requests, tokens)

    def _land(self, flight: Flight, seconds: float) -> bool:
        """Settle one group that is over, if there is one within so many seconds."""
        group = flight.landed(seconds)
        open_groups = flight.open + (group is not None)
        self._watcher.looked(flight.answered, self.tally.requests, open_groups)
        if group is None:
            return False
        collected = Collected()
        settle_group(self.desk, group.row, collected)
        self._news = True
        self._count(collected)
        return True

    def _count(self, collected: Collected) -> None:
        tally = self.tally
        tally.settled += collected.batches
        tally.outcomes.update(collected.outcomes)
        tally.prompt_tokens += collected.prompt_tokens
        tally.completion_tokens += collected.completion_tokens
        tally.open = max(tally.open, collected.open)
        self._again |= collected.again > 0
        for text in collected.problems:
            tally.say(text)
        if collected.error is not None:
            tally.fail(collected.error)


def begin(desk: Desk, shard: Shard) -> None:
    """One transaction: the group's reservation, and that its requests may be sent from now on.

    Raises:
        OverBudget: a cap would be passed; nothing is changed.
    """
    now = desk.clock.now()
    local = RemoteBatch(shard.shard_key, "in_progress", "", None, None, now, total=shard.requests)
    with desk.ledger.database.transaction("online_begin"):
        desk.ledger.books.reserve(shard.row, shard.generation, shard.worst, desk.caps, desk.scope())
        desk.ledger.shards.move(shard, "SUBMITTED")
        desk.ledger.batches.add(shard.row, shard.generation, local, "main")


def settle_group(desk: Desk, row: int, collected: Collected) -> None:
    """Close a group by its journal, whatever ended it: answers are booked, what never left goes
    back, and what left without an answer counts at its highest cost."""
    batch = next(b for b in desk.ledger.batches.in_states("open", "downloaded") if b.row == row)
    shard = desk.ledger.shards.get(batch.shard)
    journal = journal_path(desk.workspace.raw, shard.shard_key)
    sent = told(journal).sent
    unsent = [
        work
        for work, key, attempt, live, _ in desk.ledger.shards.items(shard.row)
        if live and custom_id(key, attempt) not in sent
    ]
    Groups(desk.ledger.database).take_out(shard.row, unsent)
    _compress(journal, raw_path(desk, batch, "output"))
    reached("online.before_settle")
    before = collected.outcomes["missing"]
    settle_batch(desk, batch, collected)
    lost = collected.outcomes["missing"] - before
    if lost:
        text = (
            f"{lost} request(s) of {shard.shard_key} were sent and got no answer: they may have "
            "been billed, so they count at their highest cost and are not sent again by "
            "themselves ('captionmill retry --outcome missing' does)"
        )
        desk.ledger.incident(desk.clock.now(), "no_answer", text, shard.row, batch.row)
        collected.problems.append(text)
    reached("online.settled")
    remove(journal)


def _compress(journal: Path, target: Path) -> None:
    if target.exists() or not journal.exists():
        return
    with (
        whole_file(target) as handle,
        gzip.GzipFile(fileobj=handle, mode="wb", compresslevel=3, mtime=0) as packed,
    ):
        keep_answers(journal, packed)  # type: ignore[arg-type]


def close_left_open(desk: Desk) -> None:
    """After a kill: settle every group that an online run left open, and take apart those that
    hold no money. Asks nobody."""
    collected = Collected()
    for batch in desk.ledger.batches.in_states("open", "downloaded"):
        if is_online(batch.batch_id):
            settle_group(desk, batch.row, collected)
    for text in collected.problems:
        desk.say(text)
    for shard in desk.ledger.shards.in_states("SEALED"):
        if is_online(shard.shard_key):
            desk.ledger.shards.dissolve(shard)
    for path in desk.workspace.raw.glob(f"{ONLINE}*.journal"):
        remove(path)  # of groups that are settled


def take_apart(desk: Desk) -> None:
    """Free the images of shards that were made for batches and have none: they go online, at
    other prices. A create call in doubt keeps its images."""
    for shard in desk.ledger.shards.in_states("SEALED"):
        desk.ledger.shards.dissolve(shard)
    for shard in desk.ledger.shards.in_states("UPLOADING", "UPLOADED"):
        with desk.ledger.database.transaction("give_back"):
            desk.ledger.books.release(shard.row, shard.generation, desk.clock.now())
            desk.ledger.shards.dissolve(shard)
