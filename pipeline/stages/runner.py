"""caption: all stages overlapped. While later images are prepared, full shards are already at
the service and finished batches are collected.

    crawl -> quote -> (preprocess -> write -> submit) x shards -> collect ... -> export -> clean
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.errors import (
    CaptionmillError,
    NeedsPerson,
    OverBudget,
    ServiceError,
    graver,
)
from pipeline.ledger.images import SeenImage
from pipeline.stages.collect import Collected, collect
from pipeline.stages.context import StageContext
from pipeline.stages.preprocess import CaptionTask, Engines
from pipeline.stages.reconcile import reconcile
from pipeline.stages.submit import Submitted, submit
from pipeline.stages.write import ShardOptions, Writer

_OUTAGE_ROUNDS = 20  # looks at a service that does not answer before a waiting run gives up


class Progress(Protocol):
    """Whoever shows a run to a person."""

    def found(self, images: int, todo: int) -> None:
        """So many images are there, so many of them need a look."""
        ...

    def prepared(self, images: int) -> None:
        """So many more images were looked at."""
        ...

    def sealed(self, requests: int) -> None:
        """A shard with so many requests was written."""
        ...

    def looked(self, done: int, total: int, open_batches: int) -> None:
        """So many of this run's requests and of those under way are answered."""
        ...


class NoProgress:
    """A watcher that shows nothing."""

    def found(self, images: int, todo: int) -> None:
        """The source was crawled."""

    def prepared(self, images: int) -> None:
        """Images were looked at."""

    def sealed(self, requests: int) -> None:
        """A shard was written."""

    def looked(self, done: int, total: int, open_batches: int) -> None:
        """The service was looked at."""


@dataclass(slots=True)
class RunTotals:
    """What a run did, so far.

    Attributes:
        batches, requests: created.
        settled: batches settled.
        outcomes: answered lines by outcome.
        problems: sentences for the user, each once.
        error: the first error that decides the exit code.
        waiting: shards that did not go out, by reason.
        open: batches under way at the end.
    """

    batches: int = 0
    requests: int = 0
    settled: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    problems: list[str] = field(default_factory=list)
    error: CaptionmillError | None = None
    waiting: Counter[str] = field(default_factory=Counter)
    open: int = 0

    def add(self, other: RunTotals) -> None:
        """Count what somebody else did for this run."""
        self.batches += other.batches
        self.requests += other.requests
        self.settled += other.settled
        self.outcomes.update(other.outcomes)
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.waiting.update(other.waiting)
        for text in other.problems:
            self.say(text)
        self.error = graver(self.error, other.error) if other.error else self.error

    def count(self, collected: Collected) -> None:
        """Count what a collect settled; its error is the caller's to weigh."""
        self.settled += collected.batches
        self.outcomes.update(collected.outcomes)
        self.prompt_tokens += collected.prompt_tokens
        self.completion_tokens += collected.completion_tokens
        self.open = collected.open
        for text in collected.problems:
            self.say(text)

    def fail(self, error: CaptionmillError) -> None:
        """Keep the error that decides the exit code."""
        self.say(str(error))
        self.error = graver(self.error, error)

    def say(self, text: str) -> None:
        """Keep a sentence, once."""
        if text and text not in self.problems:
            self.problems.append(text)


class BatchRunner:
    """One run over one source: prepares, sends, collects until there is nothing left to do, or,
    without `wait`, until nothing more can be done now."""

    def __init__(
        self,
        context: StageContext,
        task: CaptionTask,
        shard_options: ShardOptions,
        engines: Engines,
        locate: Callable[[SeenImage], str],
        progress: Progress,
        *,
        wait: bool,
        poll_seconds: float,
        leave_rest: Callable[[], bool] = lambda: False,
    ) -> None:
        """`leave_rest`: true when what goes again is so little that somebody else sends it."""
        self._leave_rest = leave_rest
        self.context, self.task, self.run_totals = context, task, RunTotals()
        self._shard_options, self._engines, self._locate = shard_options, engines, locate
        self._progress = progress
        self._wait = wait
        self._poll_seconds = poll_seconds
        self._rounds_without_news = 0
        self._outage = 0
        self._short: OverBudget | None = None
        self._refused: Submitted | None = None  # nothing more is sent before a person has acted
        self._again = False  # images have become pending again since they were last written
        self._looked_at = 0

    def caption(self) -> RunTotals:
        """Do it. Never raises for what a later run can mend: see `RunTotals.error`."""
        self._look()
        again = True
        while again:
            self._short = None
            if not self._leave_rest() and self._clear_the_way():
                self._feed()
            again = self._drain()
        if self._short is not None:
            self.run_totals.fail(self._short)
            self.run_totals.waiting["budget"] += 1
        return self.run_totals

    def _feed(self) -> None:
        """Prepare and write; each full shard goes out at once."""
        self._again = False
        ledger, clock = self.context.ledger, self.context.clock
        writer = Writer(ledger, self.task, self._shard_options, clock.now, self._progress.prepared)
        try:
            for row in writer.write(self._engines, self._locate):
                shard = ledger.shards.get(row)
                self.context.note("shard.sealed", shard=shard.shard_key, requests=shard.requests)
                self._progress.sealed(shard.requests)
                if not self._clear_the_way():
                    break
                self._look(only_due=True)
        except OverBudget as error:
            self._short = error

    def _clear_the_way(self) -> bool:
        """Send what is sealed; True when more may be written. A waiting run stays here until
        the service's queue has room."""
        while True:
            sent = self._submit()
            if not sent.waiting:
                return True
            if not self._may_wait(sent.error):
                return False
            self._pause()
            self._look()

    def _drain(self) -> bool:
        """Wait for open batches; True when there is something to write again: images that go
        again, or room that settling gave back to the budget."""
        while True:
            collected = self._look()
            sent = self._submit()
            can_send = sent.error is None or _passes(sent.error)
            clear = can_send and (self._wait or not sent.waiting)
            if (self._again and clear and not self._leave_rest()) or (
                collected.batches and self._short is not None
            ):
                return True
            doubts = self.context.ledger.shards.in_states("CREATING")
            if not (collected.open or sent.batches or doubts or (sent.waiting and can_send)):
                return False
            trouble = sent.error if sent.error is not None and _passes(sent.error) else None
            if not self._may_wait(collected.error or trouble):
                return False
            self._pause()

    def _submit(self) -> Submitted:
        if self._refused is not None:
            return self._refused
        sent = submit(self.context, self.task.spec)
        self.run_totals.batches += sent.batches
        self.run_totals.requests += sent.requests
        self.run_totals.open += sent.batches
        self.run_totals.waiting = Counter(sent.waiting)
        if isinstance(sent.error, OverBudget):
            self._short = sent.error
        elif sent.error is not None and not (self._wait and _passes(sent.error)):
            self.run_totals.fail(sent.error)
        if isinstance(sent.error, NeedsPerson):
            self._refused = Submitted(waiting=sent.waiting, error=sent.error)
        if sent.batches:
            self._rounds_without_news = 0
        return sent

    def _look(self, *, only_due: bool = False) -> Collected:
        """Reconcile what is in doubt, collect what is finished. With `only_due` batches that run
        are asked for once a poll interval, however many shards are written meanwhile."""
        collected, now = Collected(), self.context.clock.now()
        due = not only_due or now - self._looked_at >= self._poll_seconds
        if due:
            self._looked_at = now
        if self.context.ledger.shards.in_states("CREATING"):
            try:
                reconcile(self.context)
            except (ServiceError, NeedsPerson) as error:
                collected.fail(error)
        collect(self.context, collected, young_only=not due)
        self._count(collected)
        return collected

    def _count(self, collected: Collected) -> None:
        run_totals = self.run_totals
        run_totals.count(collected)
        self._again |= collected.again > 0
        if collected.error is None:
            if collected.open or collected.batches:  # it has answered
                self._outage = 0
        elif not (self._wait and _passes(collected.error)):
            run_totals.fail(collected.error)
        if collected.batches:
            self._rounds_without_news = 0
        answered = sum(
            run_totals.outcomes.values()
        )  # of settled batches, which are under way no more
        done, total = self.context.ledger.batches.progress()
        self._progress.looked(answered + done, answered + total, collected.open)

    def _may_wait(self, error: CaptionmillError | None) -> bool:
        """True when waiting can help: not without --wait, not for money or a person."""
        if not self._wait:
            return False
        if error is None:
            return True
        self._outage += 1
        if _passes(error) and self._outage <= _OUTAGE_ROUNDS:
            return True
        if not isinstance(error, OverBudget):  # open batches may still give room back
            self.run_totals.fail(error)
        return False

    def _pause(self) -> None:
        """Sleep until the next look: soon after news, then ever longer up to the poll interval."""
        self.context.check_stop()
        self._rounds_without_news += 1
        seconds = min(self._poll_seconds, 0.2 * 1.5 ** min(self._rounds_without_news, 40))
        self.context.sleep(seconds)
        self.context.check_stop()


def _passes(error: CaptionmillError) -> bool:
    """True for troubles of the service that usually pass."""
    return isinstance(error, ServiceError) and not isinstance(error, NeedsPerson)
