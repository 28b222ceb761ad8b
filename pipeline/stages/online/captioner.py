"""Captioner by online requests: the same shards, sent a request at a time and answered at once.

A small group of requests is to the ledger what a batch is: one reservation before anything is
sent, one settling afterwards. Its raw answers come out of its journal instead of a download.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from pipeline.core.answer_lines import split_lines
from pipeline.core.background import BackgroundPace
from pipeline.core.packing import ShardLimits
from pipeline.core.pauses import too_long
from pipeline.core.rate_limit import RateLimiter
from pipeline.errors import CaptionmillError, NeedsPerson, OverBudget, PauseTooLong
from pipeline.ledger.batches import Batch
from pipeline.ledger.shards import Shard
from pipeline.providers.base import OnlineService
from pipeline.stages.collect import collect_batches
from pipeline.stages.context import StageContext
from pipeline.stages.online.background import awaited_groups
from pipeline.stages.online.background_dispatcher import BackgroundDispatcher
from pipeline.stages.online.dispatcher import Dispatcher
from pipeline.stages.online.group import Group
from pipeline.stages.online.settle import begin, open_journal, settle_group
from pipeline.stages.reconcile import opaque_shards, take_all_apart
from pipeline.stages.values import Progress, RunTotals
from pipeline.stages.waiting import WaitNotices
from pipeline.stages.write import Writer
from pipeline.system.clock import shown_time
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
        totals: RunTotals,
        most_tokens: int,
        ahead: int,
        background: BackgroundPace | None = None,
        wait: bool = True,
    ) -> None:
        """Prepare a run.

        Args:
            writer, feed: make and write the groups; called again when images go again.
            connect: opens the service, in the thread that asks.
            rate_limiter: makes a fresh one for each dispatcher.
            totals: where the run is counted.
            most_tokens: the longest answer, which services count against the token limit.
            ahead: how many requests may wait to be sent.
            background: how background responses are read, None where answers come at once.
            wait: stay until background responses are over.
        """
        self.context, self.totals = context, totals
        self._writer, self._feed = writer, feed
        self._connect, self._rate_limiter, self._progress = connect, rate_limiter, progress
        self._most_tokens, self._ahead = most_tokens, ahead
        self._background, self._wait = background, wait
        self._left_open = 0  # groups whose background responses a later run reads
        self._short: OverBudget | None = None
        self._again = self._news = False
        self._sent = 0
        self._notices = WaitNotices(context)
        self._pause_end, self._heard = 0, 0  # answers until then

    def caption(self) -> None:
        """Send and settle. Never raises for what a later run can mend: see `RunTotals.error`."""
        take_all_apart(self.context)  # made for batches: these images go online, at other prices
        collected = collect_batches(self.context)
        self._count(collected)
        self.totals.open, self._left_open = self.totals.open + collected.open, 0
        if not self._clear_the_way():
            return
        with self._dispatcher() as dispatcher:
            try:
                self._go_on(dispatcher)
                self._feed_all(dispatcher)
            finally:  # also when asked to stop: what is under way is awaited and booked
                dispatcher.stop()
                while dispatcher.open:
                    self._settle_one(dispatcher, _LOOK)
        self.totals.open += self._left_open
        self._finish(dispatcher)

    def _dispatcher(self) -> Dispatcher:
        if self._background is None:
            return Dispatcher(self._connect, self._rate_limiter())
        return BackgroundDispatcher(self._connect, self._rate_limiter(), self._background)

    def _go_on(self, dispatcher: Dispatcher) -> None:
        """Read what an earlier run left to be read, as long as it takes."""
        for group in awaited_groups(self.context) if self._background and self._wait else ():
            self._sent += group.left
            dispatcher.send(group)

    def _finish(self, dispatcher: Dispatcher) -> None:
        """Say why not everything was sent, or that nothing was taken."""
        alike = dispatcher.refusals.problem(over=True)
        if dispatcher.too_long_pause:
            self.totals.fail(self._pause_too_long(dispatcher))
        elif dispatcher.error is not None:
            self.totals.fail(dispatcher.error)
        elif alike:
            self.totals.fail(NeedsPerson(alike))
        elif self._short is not None:
            self.totals.fail(self._short)
            self.totals.waiting["budget"] += 1
        elif undecided := self.context.undecided():  # also where nothing was to be sent
            self.totals.fail(NeedsPerson(undecided))

    def _pause_too_long(self, dispatcher: Dispatcher) -> PauseTooLong:
        seconds = dispatcher.too_long_pause
        back = shown_time(self.context.clock.now() + seconds)
        words = too_long(str(dispatcher.error), seconds, back, "[online] longest_pause")
        return PauseTooLong(words, retry_after=seconds)

    def _say_pause(self, dispatcher: Dispatcher) -> None:
        """Say what holds requests up, and when the service answers again."""
        pause, dispatcher.pause = dispatcher.pause, None
        now = self.context.clock.now()
        if pause is not None:
            self._pause_end = now + int(pause.seconds)
            self._heard = pause.heard
            self._notices.trouble(pause.error, now + pause.seconds)
        if now < self._pause_end:
            self._heard = dispatcher.heard  # what comes in a pause was sent before it
        elif dispatcher.heard > self._heard:
            self._notices.over()

    def _clear_the_way(self) -> bool:
        """Nothing is sent while some image may be in a batch of unknown contents."""
        blind, error = opaque_shards(self.context)
        if error is not None:
            self.totals.fail(error)
        if blind:
            self.totals.waiting["adopted"] += blind
        return not blind

    def _feed_all(self, dispatcher: Dispatcher) -> None:
        """Feed until nothing goes again and no room comes back to the budget."""
        while True:
            self._short, self._again, self._news = None, False, False
            try:
                for shard in self._feed(self._writer()):
                    self._send_due(dispatcher, shard)
                    if dispatcher.error is not None:
                        return
            except OverBudget as error:
                self._short = error
            while dispatcher.open and dispatcher.error is None:
                self._settle_one(dispatcher, _LOOK)
                self.context.check_stop()
                if not self._wait and dispatcher.only_awaits:
                    return
            frozen = self.totals.error is not None or dispatcher.error is not None
            if frozen or not (self._again or (self._short is not None and self._news)):
                return

    def _send_due(self, dispatcher: Dispatcher, row: int) -> None:
        """Reserve a sealed group and hand it over, in turn with those before it."""
        ledger = self.context.ledger
        shard = ledger.shards.get(row)
        try:
            while dispatcher.waiting >= self._ahead and dispatcher.error is None:
                self._settle_one(dispatcher, _LOOK)
                self.context.check_stop()
            undecided = self.context.undecided()
            if undecided:
                raise NeedsPerson(undecided)
            batch = self._reserve(dispatcher, shard)
        except CaptionmillError as error:
            ledger.shards.dissolve(shard)
            if not isinstance(error, NeedsPerson):
                raise
            self.totals.fail(error)
            dispatcher.stop()
            return
        group = self._opened(shard, batch)
        if group is None:
            dispatcher.stop()
            return
        self._progress.sealed(shard.requests)
        dispatcher.send(group)
        self.totals.requests += shard.requests
        self._sent += shard.requests
        while self._settle_one(dispatcher, 0.0):
            pass

    def _reserve(self, dispatcher: Dispatcher, shard: Shard) -> Batch:
        """Set the group's highest cost aside; earlier groups may have to give room back first."""
        context = self.context
        require_room(context.workspace.root, shard.size // 10 + shard.requests * _ANSWER_ROOM)
        while True:
            try:
                return begin(context, shard)
            except OverBudget:
                if not dispatcher.open:
                    raise
            self._settle_one(dispatcher, _LOOK)
            context.check_stop()

    def _opened(self, shard: Shard, batch: Batch) -> Group | None:
        """Group that may be sent; None, and closed again, when a person must decide first."""
        try:
            return self._group(shard, batch)
        except NeedsPerson as error:
            settle_group(self.context, batch.row, RunTotals())
            self.totals.fail(error)
            return None

    def _group(self, shard: Shard, batch: Batch) -> Group:
        requests: deque[tuple[str, dict[str, Any]]] = deque()
        with self.context.workspace.shard(shard.shard_key).open("rb") as stream:
            for _, line in split_lines(stream):
                request = orjson.loads(line)
                requests.append((request["custom_id"], request["body"]))
        tokens = max(shard.prompt_tokens // max(1, shard.requests), self._most_tokens)
        journal = open_journal(self.context, shard)
        return Group(batch.row, journal, requests, tokens)

    def _settle_one(self, dispatcher: Dispatcher, seconds: float) -> bool:
        """Settle one group that is over, if there is one within so many seconds."""
        group = dispatcher.finished(seconds)
        open_groups = dispatcher.open + (group is not None)
        self._say_pause(dispatcher)
        self._progress.answered(dispatcher.answered, self._sent, open_groups)
        if group is None:
            return False
        collected = RunTotals()
        responses = settle_group(self.context, group.row, collected)
        if isinstance(dispatcher, BackgroundDispatcher):
            dispatcher.delete(responses)
        self._news = True
        self._count(collected)
        return True

    def _count(self, collected: RunTotals) -> None:
        self.totals.count(collected)
        self._left_open += collected.open
        if collected.error is not None:
            self.totals.fail(collected.error)
        self._again |= collected.again > 0
        if collected.error is not None:
            self.totals.fail(collected.error)
