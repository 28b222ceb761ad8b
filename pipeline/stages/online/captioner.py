"""online: the same shards, sent one request at a time and answered at once.

A small group of requests is to the ledger what a batch is: one reservation before anything is
sent, one settling afterwards. Its raw answers come out of its journal instead of a download.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from pipeline.core.answer import split_lines
from pipeline.core.packing import ShardLimits
from pipeline.core.rate_limit import RateLimiter
from pipeline.errors import CaptionmillError, NeedsPerson, OverBudget
from pipeline.ledger.batches import Batch
from pipeline.ledger.shards import Shard
from pipeline.stages.collect import Collected, collect
from pipeline.stages.context import FROZEN, StageContext
from pipeline.stages.online.dispatcher import Dispatcher, Group, OnlineService
from pipeline.stages.online.settle import begin, open_journal, settle_group
from pipeline.stages.reconcile import take_apart, unseen
from pipeline.stages.runner import Progress, RunTotals
from pipeline.stages.write import Writer
from pipeline.system.files import require_room

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
        context: StageContext,
        writer: Callable[[], Writer],
        feed: Feed,
        connect: Callable[[], OnlineService],
        rate_limiter: Callable[[], RateLimiter],
        progress: Progress,
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
        self.context, self.run_totals = context, RunTotals()
        self._writer, self._feed = writer, feed
        self._connect, self._rate_limiter, self._progress = connect, rate_limiter, progress
        self._most_tokens, self._ahead = most_tokens, ahead
        self._short: OverBudget | None = None
        self._again = self._news = False

    def caption(self) -> RunTotals:
        """Do it. Never raises for what a later run can mend: see `RunTotals.error`."""
        take_apart(self.context)  # made for batches: these images go online, at other prices
        self._count(collect(self.context))
        if not self._clear_the_way():
            return self.run_totals
        with Dispatcher(self._connect, self._rate_limiter()) as flight:
            try:
                self._fly(flight)
            finally:  # also when asked to stop: what is under way is awaited and booked
                flight.stop()
                while flight.open:
                    self._land(flight, _LOOK)
        if flight.error is not None:
            self.run_totals.fail(flight.error)
        elif self._short is not None:
            self.run_totals.fail(self._short)
            self.run_totals.waiting["budget"] += 1
        return self.run_totals

    def _clear_the_way(self) -> bool:
        """Nothing is sent while some image may be in a batch of unknown contents."""
        blind, error = unseen(self.context)
        if error is not None:
            self.run_totals.fail(error)
        if blind:
            self.run_totals.waiting["adopted"] += blind
        return not blind

    def _fly(self, flight: Dispatcher) -> None:
        """Feed until nothing goes again and no room comes back to the budget."""
        while True:
            self._short, self._again, self._news = None, False, False
            try:
                for shard in self._feed(self._writer()):
                    self._send_due(flight, shard)
                    if flight.error is not None:
                        return
            except OverBudget as error:
                self._short = error
            while flight.open and flight.error is None:
                self._land(flight, _LOOK)
                self.context.check_stop()
            frozen = self.run_totals.error is not None or flight.error is not None
            if frozen or not (self._again or (self._short is not None and self._news)):
                return

    def _send_due(self, flight: Dispatcher, row: int) -> None:
        """Reserve a sealed group and hand it over, in turn with those before it."""
        ledger = self.context.ledger
        shard = ledger.shards.get(row)
        try:
            while flight.waiting >= self._ahead and flight.error is None:
                self._land(flight, _LOOK)
                self.context.check_stop()
            frozen = ledger.get(FROZEN)
            if frozen:
                raise NeedsPerson(frozen)
            batch = self._reserve(flight, shard)
        except CaptionmillError as error:
            ledger.shards.dissolve(shard)
            if not isinstance(error, NeedsPerson):
                raise
            self.run_totals.fail(error)
            flight.stop()
            return
        self._progress.sealed(shard.requests)
        flight.send(self._group(shard, batch))
        self.run_totals.requests += shard.requests
        while self._land(flight, 0.0):
            pass

    def _reserve(self, flight: Dispatcher, shard: Shard) -> Batch:
        """Set the group's highest cost aside; earlier groups may have to give room back first."""
        context = self.context
        require_room(context.workspace.root, shard.size // 10 + shard.requests * _ANSWER_ROOM)
        while True:
            try:
                return begin(context, shard)
            except OverBudget:
                if not flight.open:
                    raise
            self._land(flight, _LOOK)
            context.check_stop()

    def _group(self, shard: Shard, batch: Batch) -> Group:
        requests: deque[tuple[str, dict[str, Any]]] = deque()
        with self.context.workspace.shard(shard.shard_key).open("rb") as stream:
            for _, line in split_lines(stream):
                found = orjson.loads(line)
                requests.append((found["custom_id"], found["body"]))
        tokens = max(shard.prompt_tokens // max(1, shard.requests), self._most_tokens)
        journal = open_journal(self.context, shard)
        return Group(batch.row, journal, requests, tokens)

    def _land(self, flight: Dispatcher, seconds: float) -> bool:
        """Settle one group that is over, if there is one within so many seconds."""
        group = flight.finished(seconds)
        open_groups = flight.open + (group is not None)
        self._progress.looked(flight.answered, self.run_totals.requests, open_groups)
        if group is None:
            return False
        collected = Collected()
        settle_group(self.context, group.row, collected)
        self._news = True
        self._count(collected)
        return True

    def _count(self, collected: Collected) -> None:
        open_before = self.run_totals.open
        self.run_totals.count(collected)
        self.run_totals.open = max(
            open_before, collected.open
        )  # a landed group knows of no batches
        self._again |= collected.again > 0
        if collected.error is not None:
            self.run_totals.fail(collected.error)
