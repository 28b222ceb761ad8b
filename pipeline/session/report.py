"""Report of a command: for people as a few lines, for programs as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.core.advice import explained
from pipeline.core.due import failed_of, total_failure
from pipeline.core.outcomes import NAMES
from pipeline.core.pricing import format_usd, with_usd
from pipeline.core.provider_kinds import LOCAL, OPENAI
from pipeline.core.run_round import waiting_words
from pipeline.core.skipped_files import strays
from pipeline.core.words import commonest, counted, duration
from pipeline.errors import (
    EXIT_BUG,
    EXIT_DONE,
    EXIT_PENDING,
    BooksError,
    CaptionmillError,
    NeedsPerson,
    NothingCaptioned,
    ServiceError,
)
from pipeline.ledger import Ledger
from pipeline.ledger.rechecks import StaleImages
from pipeline.records import NANO_PER_USD, Nano
from pipeline.session.report_html import ShownAsHtml
from pipeline.stages.crawl import CrawlResult
from pipeline.stages.quote import Quote
from pipeline.stages.values import RunTotals
from pipeline.system.files import disk_error

_ROW_ADVICE = {
    "outside_root": "of files outside of the table's folder: --set input.allow_outside=true "
    "takes them",
    "missing_file": "of files that are not there: paths count from the table's own folder; "
    "rejects.csv names them",
}
OUT_OF_ORDER = (
    "the service is out of order or out of reach: nothing is lost, run the same again later; its "
    "status page may say more"
)
_FAILURES = 3  # kinds of them that are explained
_NAMED = 3  # other sources
_SHOWN = 12  # problems and reasons that are spelled out


@dataclass(slots=True)
class Report(RunTotals, ShownAsHtml):
    """Figures of a run: its totals, and the images, money and time that they came to.

    Attributes:
        command, run: the words of the command, and the number of the run in this workspace.
        started_at, ended_at: UTC, "2026-11-22T02:15:07Z"; "" when the run did not come so far.
        table: where the Parquet is; `rows` in it, None when it was not made anew.
        other_sources: names of sources that have rows in the table too.
        images: present images of the source (or of the workspace, without a source).
        outcomes: those images by outcome; their sum is `images`.
        reasons: rejected images by reason code.
        failures: (code, how many, words) of what the service refused, the commonest first.
        skipped: files that are no images, by suffix.
        files: written by this run; `in_files` requests are out in files, unanswered.
        due: images without a final outcome when the run began, by what became of them; those that
            left their source count as "vanished".
        lost: images that are not there and are not taken for gone.
        trouble: sentence about a source that has lost its images or has none.
        run_settled, run_reserved: nano-dollars of this run's reservations.
        settled, reserved: nano-dollars of the workspace.
        incidents: (time, kind, sentence) not yet acknowledged.
        bug: True when captionmill itself failed.
        stale: images of the source that version 0.1.0 prepared wrongly.
    """

    command: str = ""
    run: int = 0
    started_at: str = ""
    ended_at: str = ""
    table: str = ""
    provider: str = OPENAI.service
    rows: int | None = None
    other_sources: list[str] = field(default_factory=list)
    images: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, int, str]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    files: int = 0
    in_files: int = 0
    due: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    trouble: str = ""
    run_settled: Nano = 0
    run_reserved: Nano = 0
    settled: Nano = 0
    reserved: Nano = 0
    seconds: float = 0.0
    incidents: list[tuple[int, str, str]] = field(default_factory=list)
    quote: Quote | None = None
    bug: bool = False
    stale: StaleImages = field(default_factory=StaleImages)

    def end_by(self, error: Exception) -> None:
        """Note what ended the run before its time: it decides the exit code."""
        if isinstance(error, OSError):
            error = disk_error(error) or error
        if isinstance(error, CaptionmillError):
            self.error = error
            self.note_problem(str(error))
        else:
            self.bug = True
            self.note_problem(f"a bug in captionmill: {type(error).__name__}: {error}")

    def add_crawl(self, crawled: CrawlResult) -> None:
        """Take over the counts of a crawl."""
        self.images = crawled.images
        self.skipped = strays(crawled.skipped)
        self.problems += crawled.problems
        self.lost, self.trouble = crawled.lost, crawled.trouble
        self.note_problem(crawled.trouble)

    def add_due(self, due: Counter[str]) -> None:
        """Count what became of the due images. The run has failed when none got a caption, or
        when its source has lost its images."""
        self.due = due
        for sentence in filter(None, (self.trouble, total_failure(due))):
            self.fail(NothingCaptioned(sentence))

    def add_rows(self, ledger: Ledger, source: int | None, outcomes: Counter[str]) -> None:
        """Count every image by outcome: the sum must be the number of images."""
        self.outcomes = outcomes
        self.images = ledger.rows.images(source)
        if source is not None:
            self.reasons = ledger.rows.reject_reasons(source)
            self.failures = ledger.rows.failures(source) if outcomes["failed"] else []
        total = sum(self.outcomes.values())
        if total != self.images:
            text = f"{counted(self.images, 'image')}, but their outcomes add up to {total}"
            self.fail(BooksError(f"{text}: run 'captionmill verify'"))

    def add_advice(self) -> None:
        """Say what to do about an error of the service that passes by itself."""
        if isinstance(self.error, ServiceError) and not isinstance(self.error, NeedsPerson):
            self.note_problem(OUT_OF_ORDER)

    @property
    def exit_code(self) -> int:
        """Exit code: 0 when nothing is left to do, else that of what is in the way."""
        if self.bug:
            return EXIT_BUG
        weak = self.error is None or isinstance(self.error, NothingCaptioned)
        if weak and (self.open or self.waiting or self.outcomes["pending"]):
            return EXIT_PENDING
        return EXIT_DONE if self.error is None else self.error.exit_code

    @property
    def cost(self) -> Decimal:
        """Dollars that this run was charged."""
        return Decimal(self.run_settled) / NANO_PER_USD

    @property
    def reserved_cost(self) -> Decimal:
        """Dollars that are still reserved for this run."""
        return Decimal(self.run_reserved) / NANO_PER_USD

    @property
    def local(self) -> bool:
        """Tell whether the built-in captioner answered."""
        return self.provider == LOCAL.service

    def as_dict(self) -> dict[str, object]:
        """Figures, JSON-able; money in nano-dollars, and in dollars as text."""
        figures: dict[str, object] = {
            "command": self.command,
            "run": self.run,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "exit_code": self.exit_code,
            "table": self.table,
            "provider": self.provider,
            "other_sources": self.other_sources,
            "images": self.images,
            "outcomes": dict(self.outcomes),
            "rejected_by_reason": dict(self.reasons),
            "skipped": dict(self.skipped),
            "due": self.due.total(),
            "due_failed": failed_of(self.due),
            "lost": self.lost,
            "batches": self.batches,
            "requests": self.requests,
            "settled_batches": self.settled_batches,
            "files": self.files,
            "requests_in_files": self.in_files,
            "open_batches": self.open,
            "stale_images": self.stale.images,
            "waiting_shards": dict(self.waiting),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "run_settled_nano_usd": self.run_settled,
            "run_reserved_nano_usd": self.run_reserved,
            "settled_nano_usd": self.settled,
            "reserved_nano_usd": self.reserved,
            "seconds": round(self.seconds, 3),
            "problems": self.problems,
            "incidents": [list(incident) for incident in self.incidents],
        }
        return with_usd(figures)

    def lines(self, shorten: Callable[[str], str] = str) -> Iterator[str]:
        """Lines for a terminal; `shorten` is applied to paths."""
        yield f"images      {self.images:>10,}"
        for outcome in NAMES:
            if count := self.outcomes[outcome]:
                yield f"  {outcome:<11}{count:>9,}{self._aside(outcome)}"
        if self.skipped:
            yield f"not images  {sum(self.skipped.values()):>10,}   {commonest(self.skipped)}"
        yield f"requests    {self.requests:>10,}   {self._sent()}"
        if self.prompt_tokens or self.completion_tokens:
            yield (
                f"tokens      {self.prompt_tokens + self.completion_tokens:>10,}   "
                f"{self.prompt_tokens:,} prompt + {self.completion_tokens:,} completion"
            )
        yield f"cost        {format_usd(self.run_settled):>10}   {self._money()}"
        yield f"time        {duration(self.seconds):>10}"
        yield f"table       {shorten(self.table)}{self._others()}"
        for text in self.problems[:_SHOWN]:
            yield f"! {text}"
        if len(self.problems) > _SHOWN:
            yield f"! and {len(self.problems) - _SHOWN} more, see the log"
        yield from self._next_step()

    def _others(self) -> str:
        """Words about other sources in the table, and how to have one's rows alone."""
        others = self.other_sources
        if not others:
            return ""
        names = ", ".join(others[:_NAMED]) + (", ..." if len(others) > _NAMED else "")
        return (
            f", with the rows of {counted(len(others), 'other source')} too ({names}): "
            "'captionmill export --source NAME --out FILE' writes one alone"
        )

    def _aside(self, outcome: str) -> str:
        failed = Counter({code: times for code, times, _ in self.failures if code})
        counts = {"rejected": self.reasons, "failed": failed}.get(outcome)
        return f"   {commonest(counts)}" if counts else ""

    def _sent(self) -> str:
        if self.files:
            return f"in {counted(self.files, 'file')}, this run"
        if self.requests and not self.batches:
            return "online, this run"
        if self.requests:
            return f"in {counted(self.batches, 'batch', 'batches')}, this run"
        return "nothing new was sent"

    def _money(self) -> str:
        if self.local:
            return "the local model is free"
        reserved = f" + {format_usd(self.run_reserved)} reserved" if self.run_reserved else ""
        return (
            f"this run{reserved}; workspace: {format_usd(self.settled)} spent, "
            f"{format_usd(self.reserved)} reserved"
        )

    def _next_step(self) -> Iterator[str]:
        for code, _, words in self.failures[:_FAILURES]:
            yield f"failed: {explained(code, words)}"
        if left := self.reasons["url_not_enabled"]:
            yield (
                f"{counted(left, 'image')} at URLs left out: --fetch downloads them here, "
                "--image-mode url sends their addresses"
            )
        if self.stale.images:
            yield self.stale.sentence()
        for code, advice in _ROW_ADVICE.items():
            if left := self.reasons[code]:
                yield f"{counted(left, 'row')} {advice}"
        if self.incidents:
            yield (
                f"{counted(len(self.incidents), 'incident')} to look at: 'captionmill status' "
                "shows them, 'captionmill resolve seen' puts them away"
            )
        if self.open:
            yield (
                f"{counted(self.open, 'batch', 'batches')} under way at the service: run again, "
                "or 'captionmill collect', to fetch their answers"
            )
        if self.in_files:
            yield (
                f"{counted(self.in_files, 'request')} in files: run them, then 'captionmill "
                "collect --from FILE' with what came out, or give them back by 'captionmill "
                "cancel --files'"
            )
        elif not self.open and self.outcomes["pending"] and self.error is None:
            words = waiting_words(self.waiting)
            why = f", {words}" if words else ""
            yield f"{counted(self.outcomes['pending'], 'image')} pending{why}: run again to go on"
