"""Values that several stages share: engines, task, totals and progress of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from pipeline.engines.base import Engine
from pipeline.errors import CaptionmillError, ServiceError, graver
from pipeline.ledger.settled import Settled
from pipeline.ledger.specs import RecipeRow
from pipeline.records import Nano


class Engines(Struct, frozen=True):
    """Engines of a run; processes start with the first image.

    Attributes:
        sparing: leaves files whose bytes the ledger knows undecoded.
        thorough: decodes every file, for images whose bytes are to be sent again.
    """

    sparing: Engine
    thorough: Engine


KeptAnswer = Callable[[bytes, Mapping[str, str]], bytes | None]
"""Function from a file's SHA-256 and its columns to a work key, None for none."""


HasText = Callable[[bytes, Mapping[str, str], str], bool]
"""Function from a file's SHA-256, its columns and the text that it has to whether it is left at
that."""


class CaptionTask(Struct, frozen=True):
    """Task of a run: the spec and prompt under which sources are captioned.

    Attributes:
        sources: rows of the ledger; spec, recipe: a row each.
        spec_id: 32 bytes.
        template: the user prompt with {columns}.
        linked: False for a comparison: its captions are paid for and recorded, and the images'
            rows stay as they are until a run links them.
        kept_answer: gives the work key of the answer that a person accepted or corrected, for a
            file's SHA-256 and its columns; such an image is not sent for a changed prompt.
        has_text: tells whether an image is left at the text that it has already.
    """

    sources: tuple[int, ...]
    spec: int
    spec_id: bytes
    recipe: RecipeRow
    template: str
    linked: bool = True
    kept_answer: KeptAnswer = lambda _bytes, _columns: None
    has_text: HasText = lambda _bytes, _columns, _text: True


@dataclass(slots=True)
class RunTotals:
    """Counts of a run, or of one step of it: the only accumulator of the stages.

    Attributes:
        batches, requests: created.
        settled_batches: settled.
        answers: settled lines by outcome.
        again: images that go again.
        failed_codes, failed_words: settled lines that failed, by the service's code;
            and the words of one of each.
        prompt_tokens, completion_tokens: of the settled lines.
        billed: nano-dollars of the settled lines, None when one has no known price.
        waiting: shards that did not go out, by reason ("queue", "backoff", "budget", ...).
        open: batches under way at the last poll that waiting can help.
        retry_after: seconds, the longest pause that the service asked for; 0 for none.
        problems: sentences for the user, each once; `error_words` those of them that are errors.
        error: the gravest error, which decides the exit code.
        blocking: the gravest of those that the other batches need not be waited for.
    """

    batches: int = 0
    requests: int = 0
    settled_batches: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    again: int = 0
    failed_codes: Counter[str] = field(default_factory=Counter)
    failed_words: dict[str, str] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    billed: Nano | None = 0
    waiting: Counter[str] = field(default_factory=Counter)
    open: int = 0
    retry_after: float = 0.0
    problems: list[str] = field(default_factory=list)
    error_words: set[str] = field(default_factory=set)
    error: CaptionmillError | None = None
    blocking: CaptionmillError | None = None

    def count(self, step: RunTotals) -> None:
        """Add a step's work and sentences; its error, waiting and open batches are the caller's
        to weigh."""
        self.batches += step.batches
        self.requests += step.requests
        self.settled_batches += step.settled_batches
        self.answers.update(step.answers)
        self.again += step.again
        self.failed_codes.update(step.failed_codes)
        self.failed_words |= step.failed_words
        self.prompt_tokens += step.prompt_tokens
        self.completion_tokens += step.completion_tokens
        self.billed = _sum(self.billed, step.billed)
        for text in step.problems:
            self.note_problem(text)

    def count_settled(self, settled: Settled, *, final: bool = True) -> None:
        """Add the answers of a batch; a `final` one is settled with them."""
        self.settled_batches += final
        self.answers.update(settled.outcomes)
        self.again += settled.again
        self.failed_codes.update(settled.failures)
        self.failed_words |= settled.failure_words
        self.prompt_tokens += settled.prompt_tokens
        self.completion_tokens += settled.completion_tokens
        self.billed = _sum(self.billed, settled.billed)

    def fail(self, error: CaptionmillError, *, blocks: bool = True) -> None:
        """Note an error; the rest goes on, and the gravest one decides the exit code. One that
        does not block is about a single batch: others are waited for all the same."""
        self.note_problem(str(error))
        self.error_words.add(str(error))
        self.error = graver(self.error, error)
        if isinstance(error, ServiceError):
            self.retry_after = max(self.retry_after, error.retry_after or 0.0)
        if blocks:
            self.blocking = graver(self.blocking, error)

    def hold(self, reason: str, error: CaptionmillError) -> None:
        """Note an error for which a shard waits; `reason` is counted."""
        self.waiting[reason] += 1
        self.fail(error)

    def forget_errors(self) -> None:
        """Drop the sentences of errors that are waited out; what else is to be said stays."""
        self.problems = [text for text in self.problems if text not in self.error_words]

    def note_problem(self, text: str) -> None:
        """Add a sentence, once."""
        if text and text not in self.problems:
            self.problems.append(text)


def _sum(one: Nano | None, other: Nano | None) -> Nano | None:
    return None if one is None or other is None else one + other


class Progress(Protocol):
    """Display of a run for a person."""

    def crawled(self, images: int, todo: int) -> None:
        """Show how many images are there, and how many of them must be read."""
        ...

    def prepared(self, images: int) -> None:
        """Show that so many more images are prepared."""
        ...

    def sealed(self, requests: int) -> None:
        """Show that a shard with so many requests is written."""
        ...

    def answered(self, done: int, total: int, open_batches: int) -> None:
        """Show how many of this run's requests and of those under way are answered."""
        ...


class NoProgress:
    """Display that shows nothing."""

    def crawled(self, images: int, todo: int) -> None:
        """Ignore it."""

    def prepared(self, images: int) -> None:
        """Ignore it."""

    def sealed(self, requests: int) -> None:
        """Ignore it."""

    def answered(self, done: int, total: int, open_batches: int) -> None:
        """Ignore it."""
