"""Stages overlapped: while later images are prepared, full shards are already at the service
and finished batches are collected.

    crawl -> quote -> (preprocess -> write -> submit) x shards -> collect ... -> export -> clean
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pipeline.core.advice import explained
from pipeline.core.batch_errors import ACCOUNT_ADVICE, account_failure
from pipeline.core.refusal_streak import refused_alike
from pipeline.core.request_form import is_answered
from pipeline.core.run_round import Round, next_action, patience_with, trouble_of
from pipeline.core.words import counted
from pipeline.errors import CaptionmillError, NeedsPerson, OverBudget, PauseTooLong, ServiceError
from pipeline.ledger.images import SeenImage
from pipeline.providers.base import AccountRefusal
from pipeline.stages.collect import collect_batches
from pipeline.stages.context import StageContext
from pipeline.stages.reconcile import reconcile
from pipeline.stages.shard_options import ShardOptions
from pipeline.stages.submit import TO_SEND, submit_shards
from pipeline.stages.values import CaptionTask, Engines, Progress, RunTotals
from pipeline.stages.waiting import WaitNotices
from pipeline.stages.write import Writer

FIRST_PATIENCE = 3600
"""Seconds for which nothing follows the first shard of a form that was never answered."""

_AGAIN = "'captionmill retry --outcome failed' lets go again what came back so"


def alike_sentence(collected: RunTotals, code: str) -> str:
    """Sentence about batches of which every request was refused for the same reason."""
    count = collected.failed_codes[code]
    return (
        f"all {counted(count, 'request')} that came back were refused alike: nothing more is "
        f"sent. {explained(code, collected.failed_words[code])}; mend the cause and run again; "
        f"{_AGAIN}"
    )


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
        self._first = shard_options.first
        self._over = False  # the account is refused: what is finished is fetched, and that is all
        self._leave_rest = leave_rest
        self.context, self.task, self.totals = context, task, totals
        self._shard_options, self._engines, self._locate = shard_options, engines, locate
        self._progress = progress
        self._wait = wait
        self._poll_seconds = poll_seconds
        self._rounds_without_news = 0
        self._outages = 0
        self._short: OverBudget | None = None
        self._refused: RunTotals | None = None  # nothing more is sent in this run
        self._again = False  # images have become pending again since they were last written
        self._collected_at = 0

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
        ledger, clock = self.context.ledger, self.context.clock
        writer = Writer(ledger, self.task, self._shard_options, clock.now, self._progress.prepared)
        try:
            for row in writer.write(self._engines, self._locate):
                shard = ledger.shards.get(row)
                self.context.note("shard.sealed", shard=shard.shard_key, requests=shard.requests)
                self._progress.sealed(shard.requests)
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
        first, self._first = self._first, None
        if first is None or not self._wait:
            return not self._over
        self.context.say(
            f"requests of this form were never answered here: the first {first:,} go alone, the "
            "others when they have come back, or after an hour"
        )
        end = self.context.clock.now() + FIRST_PATIENCE
        while not self._over and self.context.clock.now() < end:
            collected = self._collect_due()
            if collected.settled_batches or not collected.open:
                break
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
            self._rounds_without_news = 0
        return sent

    def _collect_due(self, *, only_due: bool = False) -> RunTotals:
        """Reconcile what is in doubt, collect what is finished. With `only_due` batches that run
        are asked for once a poll interval, however many shards are written meanwhile."""
        collected, now = RunTotals(), self.context.clock.now()
        due = not only_due or now - self._collected_at >= self._poll_seconds
        if due:
            self._collected_at = now
        if self.context.ledger.shards.in_states("CREATING"):
            try:
                reconcile(self.context)
            except (ServiceError, NeedsPerson) as error:
                collected.fail(error)
        collect_batches(self.context, collected, young_only=not due)
        self._count(collected)
        return collected

    def _count(self, collected: RunTotals) -> None:
        totals = self.totals
        totals.count(collected)
        totals.open = collected.open
        self._again |= collected.again > 0
        if collected.error is None:
            if collected.open or collected.settled_batches:  # it has answered
                self._outages = 0
        elif not self._waits_out(collected.error):
            totals.fail(collected.error)
        self._over |= isinstance(collected.error, AccountRefusal)
        self._weigh_failures(collected)
        if collected.settled_batches:
            self._rounds_without_news = 0
        settled = totals.answers.total()  # of settled batches, which are under way no more
        done, total = self.context.ledger.batches.progress()
        total += sum(shard.requests for shard in self.context.ledger.shards.in_states(*TO_SEND))
        total = max(settled + total, self._expected)
        self._progress.answered(settled + done, total, collected.open)

    def _weigh_failures(self, collected: RunTotals) -> None:
        """Send nothing more when the account is refused, or all requests of a batch alike."""
        failure = account_failure(collected.failed_codes)
        if failure is not None:
            words = collected.failed_words[failure.code].rstrip(".") or failure.code
            self.totals.fail(AccountRefusal(f"{words}; {ACCOUNT_ADVICE[failure.kind]}; {_AGAIN}"))
            self._over = True
        if self._over or not collected.failed_codes or self._all_sent():
            return
        ledger = self.context.ledger
        answered = is_answered(ledger.specs.canonical(self.task.spec), ledger.specs.answered())
        code = refused_alike(collected.answers, collected.failed_codes, answered=answered)
        if code is not None:
            self.totals.fail(NeedsPerson(alike_sentence(collected, code)))
            self._over = True

    def _all_sent(self) -> bool:
        ledger, task = self.context.ledger, self.task
        return ledger.images.idle(task.source, task.spec) and not ledger.shards.in_states(*TO_SEND)

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
        """Sleep until the next poll: soon after news, then ever longer up to the poll interval.
        What stands in the way is said."""
        self.context.check_stop()
        self._rounds_without_news += 1
        seconds = min(self._poll_seconds, 0.2 * 1.5 ** min(self._rounds_without_news, 40))
        next_try = self.context.clock.now() + seconds
        if trouble is not None:
            self._notices.trouble(trouble, next_try)
        elif sent.waiting:
            self._notices.waiting(sent.waiting, max(next_try, self._not_before()))
        else:
            self._notices.over()
        self.context.sleep(seconds)
        self.context.check_stop()
