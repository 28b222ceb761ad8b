"""Stages overlapped: while later images are prepared, full shards are already at the service
and finished batches are collected.

    crawl -> quote -> (preprocess -> write -> submit) x shards -> collect ... -> export -> clean
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pipeline.core.poll_pace import PollPace
from pipeline.core.run_round import Round, next_action, patience_with, trouble_of
from pipeline.errors import CaptionmillError, NeedsPerson, OverBudget, PauseTooLong, ServiceError
from pipeline.ledger.images import SeenImage
from pipeline.providers.base import AccountRefusal, AddressRefusal
from pipeline.stages.collect import collect_batches
from pipeline.stages.context import StageContext
from pipeline.stages.first_shard import FirstShard
from pipeline.stages.reconcile import reconcile
from pipeline.stages.refused_batches import account_refusal, refusal_of_all
from pipeline.stages.shard_options import ShardOptions
from pipeline.stages.submit import TO_SEND, submit_shards
from pipeline.stages.values import CaptionTask, Engines, Progress, RunTotals
from pipeline.stages.waiting import WaitNotices, pause_weighed
from pipeline.stages.write import Writer

_ENDING = (AccountRefusal, AddressRefusal, PauseTooLong)
"""Errors of a look after which nothing more is asked or sent."""


class BatchRunner:
    """Runner over one source: prepares, sends and collects until there is nothing left to do or,
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
        totals: RunTotals,
        leave_rest: Callable[[], bool] = lambda: False,
        patience: str = "",
        expected: int = 0,
    ) -> None:
        """Prepare a run.

        Args:
            totals: where the run is counted.
            leave_rest: true when so few requests go again that they are left to be sent online.
            patience: said once when the run begins to wait for batches.
            expected: requests that are to be sent, before all images are prepared.
        """
        self._expected = expected
        self._patience = patience
        self._notices = WaitNotices(context)
        self._first = FirstShard(context, task.spec, shard_options, expected)
        self._over = False  # the account is refused: what is finished is fetched, and that is all
        self._leave_rest = leave_rest
        self.context, self.task, self.totals = context, task, totals
        self._engines, self._locate = engines, locate
        self._progress = progress
        self._wait = wait
        self._pace = PollPace(poll_seconds)
        self._asked_to_wait: CaptionmillError | None = None
        self._outages = 0
        self._short: OverBudget | None = None
        self._refused: RunTotals | None = None  # nothing more is sent in this run
        self._again = False  # images have become pending again since they were last written

    def caption(self) -> None:
        """Send and collect. Never raises for what a later run can mend: see `RunTotals.error`."""
        self._expected += self.context.ledger.batches.progress()[1]  # of earlier runs
        self._collect_due()
        again = True
        while again:
            self._short = None
            if not self._leave_rest() and self._send_sealed():
                self._feed()
            again = self._await_answers()
        if self._short is not None:
            self.totals.fail(self._short)
            self.totals.waiting["budget"] += 1

    def _feed(self) -> None:
        """Prepare and write; each full shard goes out at once."""
        self._again = False
        if not self._first_is_back():
            return
        ledger, clock = self.context.ledger, self.context.clock
        options = self._first.options
        writer = Writer(ledger, self.task, options, clock.now, self._progress.prepared)
        try:
            for row in writer.write(self._engines, self._locate):
                shard = ledger.shards.get(row)
                self.context.note("shard.sealed", shard=shard.shard_key, requests=shard.requests)
                self._progress.sealed(shard.requests)
                self._first.wrote(shard.requests)
                if not (self._send_sealed() and self._first_is_back()):
                    break
                self._collect_due(only_due=True)
            else:
                self._expected = 0  # all are written: their number is known
        except OverBudget as error:
            self._short = error

    def _first_is_back(self) -> bool:
        """Wait for the answers to the first shard of a form that was never answered; True when
        more may be sent."""
        while not self._over and self._first.holds():
            self._first.say(wait=self._wait)
            if not self._wait:
                return False
            collected = self._collect_due()
            in_doubt = self.context.ledger.shards.in_states("CREATING")
            if collected.settled_batches or not (collected.open or in_doubt):
                self._first.release()
            else:
                self._pause(RunTotals(), collected.error)
        return not self._over

    def _send_sealed(self) -> bool:
        """Send what is sealed; True when more may be written. A waiting run stays here until
        the service's queue has room."""
        while not self._over:
            sent = self._submit()
            if not sent.waiting:
                return True
            if not self._may_wait(sent.error):
                return False
            self._pause(sent, sent.error)
            self._collect_due()
        return False

    def _await_answers(self) -> bool:
        """Wait for open batches; True when there is something to write again: images that go
        again, or room that settling gave back to the budget."""
        while True:
            collected = self._collect_due()
            if self._over:
                return False
            sent = self._submit()
            action = next_action(self._round(collected, sent))
            if action != "pause":
                return action == "write"
            trouble = sent.error if trouble_of(sent.error) == "passing" else None
            if self._over or not self._may_wait(collected.blocking or trouble):
                return False
            self._say_patience(collected)
            self._pause(sent, collected.error or trouble)

    def _round(self, collected: RunTotals, sent: RunTotals) -> Round:
        return Round(
            wait=self._wait,
            again=self._again,
            leave_rest=self._leave_rest(),
            short=self._short is not None,
            settled=collected.settled_batches,
            created=sent.batches,
            open=collected.open,
            in_doubt=len(self.context.ledger.shards.in_states("CREATING")),
            waiting=sent.waiting.total(),
            sending=trouble_of(sent.error),
        )

    def _submit(self) -> RunTotals:
        if self._refused is not None:
            return self._refused
        sent = submit_shards(self.context, self.task.spec)
        self.totals.batches += sent.batches
        self.totals.requests += sent.requests
        self.totals.open += sent.batches
        self.totals.waiting = Counter(sent.waiting)
        if isinstance(sent.error, OverBudget):
            self._short = sent.error
        elif sent.error is not None and not self._waits_out(sent.error):
            self.totals.fail(sent.error)
        if isinstance(sent.error, (NeedsPerson, PauseTooLong)):
            self._refused = RunTotals(waiting=sent.waiting, error=sent.error)
        self._over |= isinstance(sent.error, AccountRefusal)
        if sent.batches:
            self._notices.over()
            self._pace.news()
        return sent

    def _collect_due(self, *, only_due: bool = False) -> RunTotals:
        """Reconcile what is in doubt, collect what is finished. With `only_due` batches that run
        are asked for once a poll interval, however many shards are written meanwhile. A service
        that asked for a pause gets it."""
        now = self.context.clock.now()
        if self._pace.pauses(now):
            return RunTotals(open=self.totals.open, error=self._asked_to_wait)
        collected = RunTotals()
        due = not only_due or self._pace.due(now)
        if due:
            self._pace.asked_at = now
        if self.context.ledger.shards.in_states("CREATING"):
            try:
                reconcile(self.context)
            except (ServiceError, NeedsPerson) as error:
                collected.fail(pause_weighed(self.context, error))
        collect_batches(self.context, collected, young_only=not due)
        self._count(collected)
        return collected

    def _count(self, collected: RunTotals) -> None:
        totals = self.totals
        if collected.error is not None and self._waits_out(collected.error):
            collected.forget_errors()  # they are said while the run waits
        totals.count(collected)
        totals.open = collected.open
        self._again |= collected.again > 0
        if collected.error is None:
            if collected.open or collected.settled_batches:  # it has answered
                self._outages = 0
        elif not self._waits_out(collected.error):
            totals.fail(collected.error)
        self._over |= isinstance(collected.error, _ENDING)
        if collected.retry_after:
            self._pace.refused(self.context.clock.now(), collected.retry_after)
            self._asked_to_wait = collected.error
        self._weigh_failures(collected)
        if collected.settled_batches:
            self._pace.news()
        settled = totals.answers.total()  # of settled batches, which are under way no more
        done, total = self.context.ledger.batches.progress()
        total += sum(shard.requests for shard in self.context.ledger.shards.in_states(*TO_SEND))
        total = max(settled + total, self._expected)
        self._progress.answered(settled + done, total, collected.open)

    def _weigh_failures(self, collected: RunTotals) -> None:
        """Send nothing more when the account is refused, or all requests of a batch alike."""
        refusal: NeedsPerson | None = account_refusal(collected)
        if refusal is None and not self._over:
            refusal = refusal_of_all(self.context, self.task, collected)
        if refusal is not None:
            self.totals.fail(refusal)
            self._over = True

    def _not_before(self) -> int:
        """Time, in epoch seconds, at which the first shard may go that was asked to wait."""
        shards = self.context.ledger.shards.in_states(*TO_SEND)
        return min((shard.not_before for shard in shards), default=0)

    def _waits_out(self, error: CaptionmillError) -> bool:
        return self._wait and trouble_of(error) == "passing"

    def _may_wait(self, error: CaptionmillError | None) -> bool:
        """Decide if waiting can help; else note the error."""
        if self._wait and error is not None:
            self._outages += 1
        decision = patience_with(trouble_of(error), wait=self._wait, outages=self._outages)
        if decision == "give_up" and error is not None:
            self.totals.fail(error)
        return decision == "wait"

    def _say_patience(self, collected: RunTotals) -> None:
        """Say once that batches take their time."""
        if collected.open and self._patience:
            self.context.say(self._patience)
            self._patience = ""

    def _pause(self, sent: RunTotals, trouble: CaptionmillError | None) -> None:
        """Sleep until the next poll. What stands in the way is said."""
        self.context.check_stop()
        seconds = self._pace.seconds(self.context.clock.now())
        next_try = self.context.clock.now() + seconds
        if trouble is not None:
            self._notices.trouble(trouble, next_try)
        elif sent.waiting:
            self._notices.waiting(sent.waiting, max(next_try, self._not_before()))
        elif in_doubt := self.context.ledger.shards.in_states("CREATING"):
            self._notices.waiting({"unknown": len(in_doubt)}, next_try)
        else:
            self._notices.over()
        self.context.sleep(seconds)
        self.context.check_stop()
