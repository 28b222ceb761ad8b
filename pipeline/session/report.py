"""Report of a command: for people as a few lines, for programs as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.core.due import failed_of, total_failure
from pipeline.core.pricing import with_usd
from pipeline.core.skipped_files import stray_counts
from pipeline.core.words import counted
from pipeline.errors import (
    EXIT_BUG,
    EXIT_DONE,
    EXIT_PENDING,
    BooksError,
    CaptionmillError,
    NothingCaptioned,
    is_outage,
)
from pipeline.ledger import Ledger
from pipeline.records import NANO_PER_USD
from pipeline.session.report_figures import ReportFigures
from pipeline.session.report_html import ShownAsHtml
from pipeline.session.report_lines import report_lines
from pipeline.stages.crawl import CrawlResult
from pipeline.system.files import disk_error

OUT_OF_ORDER = (
    "the service is out of order or out of reach: nothing is lost, run the same again later; its "
    "status page may say more"
)


@dataclass(slots=True)
class Report(ReportFigures, ShownAsHtml):
    """Report of a run: its figures, its exit code, and how it is shown."""

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
        self.skipped = stray_counts(crawled.skipped)
        self.problems += crawled.problems
        self.lost, self.troubles = crawled.lost, crawled.troubles
        for sentence in crawled.troubles:
            self.note_problem(sentence)

    def add_due(self, due: Counter[str], of_endings: Sequence[str] = ()) -> None:
        """Count what became of the due images. The run has failed when none got a caption, or
        when a source has lost its images. `of_endings` are sentences about unknown endings."""
        self.due = due
        failure = total_failure(due, "; ".join(of_endings))
        self.problems += [sentence for sentence in of_endings if sentence not in failure]
        for sentence in filter(None, (*self.troubles, failure)):
            self.fail(NothingCaptioned(sentence))

    def add_rows(
        self, ledger: Ledger, sources: tuple[int, ...] | None, outcomes: Mapping[int, Counter[str]]
    ) -> None:
        """Count every image by outcome: the sum must be the number of images.

        Args:
            sources: rows of those that are counted, None for all.
            outcomes: of each source.
        """
        self.outcomes = sum(outcomes.values(), Counter[str]())
        self.images = ledger.rows.images(sources)
        if sources is not None:
            self.reasons = ledger.rows.reject_reasons(sources)
            self.failures = ledger.rows.failures(sources) if self.outcomes["failed"] else []
            labels = ledger.sources.labels(sources) if len(sources) > 1 else {}
            self.by_source = {name: outcomes[row] for row, name in labels.items()}
        total = sum(self.outcomes.values())
        if total != self.images:
            text = f"{counted(self.images, 'image')}, but their outcomes add up to {total}"
            self.fail(BooksError(f"{text}: run 'captionmill verify'"))

    def add_advice(self) -> None:
        """Say what to do about an error of the service that passes by itself."""
        if is_outage(self.error):
            self.note_problem(OUT_OF_ORDER)

    @property
    def exit_code(self) -> int:
        """Exit code: 0 when nothing is left to do, else that of what is in the way."""
        if self.bug:
            return EXIT_BUG
        weak = self.error is None or isinstance(self.error, NothingCaptioned)
        pending = self.outcomes["pending"] and not self.limited
        if weak and (self.open or self.waiting or pending):
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
            "outcomes_by_source": {name: dict(one) for name, one in self.by_source.items()},
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
        return report_lines(self, shorten)
