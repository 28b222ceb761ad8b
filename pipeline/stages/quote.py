"""Quote of what is new: exact for images whose size is known, an upper bound for the rest.

Reads the ledger only; nothing is sent and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

from msgspec import Struct

from pipeline.core.cost_estimate import CostEstimate
from pipeline.core.identity import work_key
from pipeline.core.pricing import format_usd
from pipeline.core.prompt import fill_template
from pipeline.core.words import counted
from pipeline.ledger import Ledger
from pipeline.ledger.quoted import Part
from pipeline.ledger.works import Content
from pipeline.records import Nano, Rejection
from pipeline.stages.shard_options import RequestTemplate
from pipeline.stages.stale import content_to_send
from pipeline.stages.values import CaptionTask


class Quote(Struct):
    """Requests, tokens and cost that a source still takes.

    Attributes:
        images: present images; `unread` of them were never read, so only a bound is known.
        rejected: images that cannot be captioned.
        unique: distinct requests among the read images, `paid` of them answered or under way.
        requests: requests to be sent, unread images counted as one each.
        prompt_tokens, completion_tokens: expected.
        expected, max_cost: nano-dollars; None when the price is unknown.
        reviewed: requests that are left out, because a person accepted or wrote the caption.
        saved: nano-dollars expected for those; None when the price is unknown.
        largest: nano-dollars that the dearest request may cost.
        later: requests that are left for later runs (`--limit`).
        had_caption: images that are left at the text that they have; `text_saved` nano-dollars are
            expected for their requests.
    """

    images: int = 0
    unread: int = 0
    rejected: int = 0
    unique: int = 0
    paid: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    expected: Nano | None = 0
    max_cost: Nano | None = 0
    reviewed: int = 0
    saved: Nano | None = 0
    had_caption: int = 0
    text_saved: Nano | None = 0
    largest: Nano = 0
    later: int = 0

    @property
    def duplicates(self) -> int:
        """Number of read images that share a request with another one."""
        return self.images - self.unread - self.rejected - self.had_caption - self.unique

    def sentence(self) -> str:
        """Sentence for the person who pays."""
        requests = counted(self.requests, "request")
        if self.later:
            requests += f" of {self.requests + self.later:,} (--limit leaves the others pending)"
        if self.max_cost is None or self.expected is None:
            return f"{requests}, price unknown."
        return (
            f"{requests}, about {format_usd(self.expected)}, at most {format_usd(self.max_cost)}."
        )

    def leave(self, one: CostEstimate | None) -> None:
        """Count an image that is left at the text that it has; None saves nothing."""
        self.had_caption += 1
        if one is not None:
            self.text_saved = _plus(self.text_saved, one.expected, 1)

    def spare(self, one: CostEstimate) -> None:
        """Count a request that is not sent, because a person took care of its caption."""
        self.reviewed += 1
        self.saved = _plus(self.saved, one.expected, 1)

    def limit(self, images: int | None) -> None:
        """Count and price only so many requests, whichever they are."""
        if images is None or self.requests <= images:
            return
        self.later, share = self.requests - images, Fraction(images, self.requests)
        self.requests = images
        self.prompt_tokens = round(self.prompt_tokens * share)
        self.completion_tokens = round(self.completion_tokens * share)
        if self.expected is not None:
            self.expected = round(self.expected * share)
        if self.max_cost is not None:
            self.max_cost = min(self.max_cost, images * self.largest)

    def add(self, one: CostEstimate, times: int = 1) -> None:
        """Add a request `times` over."""
        self.requests += times
        self.largest = max(self.largest, one.max_cost or 0)
        self.prompt_tokens += times * one.prompt_tokens
        self.completion_tokens += times * one.completion_tokens
        self.max_cost = _plus(self.max_cost, one.max_cost, times)
        self.expected = _plus(self.expected, one.expected, times)


def quote(
    ledger: Ledger,
    task: CaptionTask,
    request_template: RequestTemplate,
    largest: tuple[int, int],
    *,
    fresh: bool = True,
) -> Quote:
    """Price every image of a source; `largest` is the size in pixels an unread image is taken to
    have.

    Args:
        fresh: leave out what is paid for or under way; False prices everything anew.
    """
    # images that are linked under this spec are counted without asking for each of them
    linked = fresh and _is_current(ledger, task)
    counts = ledger.quoted.counts(task.sources)
    result = Quote(images=counts.present, rejected=counts.rejected)
    parts: list[Part] = ["all"]
    if linked:
        parts = ["todo", "otherwise"] if counts.otherwise else ["todo"]
        _add_linked(ledger, task, request_template, result, counts.works)
    for part in parts:
        result.rejected += ledger.quoted.count_refused(task.sources, task.recipe, part)
    read, refused = counts.linked if linked else 0, 0
    with ledger.works.distinct_keys() as first_time:

        def is_first(key: bytes) -> bool:
            return first_time(key) and not (linked and ledger.quoted.is_linked(task.sources, key))

        for request in _requests(ledger, task, parts, fresh=fresh):
            read += 1
            if request is None:
                refused += 1
            elif is_first(request.key):
                _price(ledger, task, request_template, result, request, fresh=fresh)
        _leave_out(ledger, task, request_template, result, is_first)
    _add_unread(ledger, task, request_template, largest, result, read)
    result.rejected += refused
    return result


class _Request(NamedTuple):
    """Request that an image of this content would make."""

    source_id: bytes
    columns: Mapping[str, str]
    content: Content
    prompt: str
    key: bytes


def _is_current(ledger: Ledger, task: CaptionTask) -> bool:
    """Tell whether linked images show what would be sent for them now."""
    return ledger.images.specs_of(task.sources) == {task.spec} and not ledger.rechecks.any_stale()


def _price(
    ledger: Ledger, task: CaptionTask, request_template: RequestTemplate, result: Quote,
    request: _Request, *, fresh: bool,
) -> None:  # fmt: skip
    """Add a distinct request of the read images."""
    result.unique += 1
    work = ledger.works.peek(request.key) if fresh else None
    if work is not None and work.state != "pending":
        result.paid += 1
        return
    width, height = request.content.width, request.content.height
    cost = request_template.estimator.estimate(width, height, request.prompt)
    spared = fresh and task.kept_answer(request.source_id, request.columns) is not None
    result.spare(cost) if spared else result.add(cost)


def _add_unread(
    ledger: Ledger,
    task: CaptionTask,
    request_template: RequestTemplate,
    largest: tuple[int, int],
    result: Quote,
    read: int,
) -> None:
    """Count the images that were never read, at the most that one can cost."""
    bound = request_template.estimator.estimate(*largest, task.template)
    for text in ledger.existing_texts.unread(task.sources):
        if task.has_text(b"", {}, text):
            result.leave(bound)
    result.unread = max(0, result.images - result.rejected - result.had_caption - read)
    if result.unread:
        result.add(bound, result.unread)


def _leave_out(
    ledger: Ledger,
    task: CaptionTask,
    request_template: RequestTemplate,
    result: Quote,
    is_first: Callable[[bytes], bool],
) -> None:
    """Count the images that are left at the text that they have, and what that saves."""
    for content_id, width, height, columns in ledger.existing_texts.left_out(task.sources):
        prompt = fill_template(task.template, columns)
        text = task.template if isinstance(prompt, Rejection) else prompt
        key = work_key(content_id, task.spec_id, text)
        work = ledger.works.peek(key)
        would_be_sent = is_first(key) and (work is None or work.state == "pending")
        cost = request_template.estimator.estimate(width, height, text) if would_be_sent else None
        result.leave(cost)


def _requests(
    ledger: Ledger, task: CaptionTask, parts: Sequence[Part], *, fresh: bool
) -> Iterator[_Request | None]:
    """Request of each image that was read, as it would be sent; None for one that cannot be."""
    stale = fresh and ledger.rechecks.any_stale()
    images = (ledger.quoted.identified(task.sources, task.recipe, part) for part in parts)
    for source_id, content_id, width, height, columns in chain.from_iterable(images):
        prompt = fill_template(task.template, columns)
        content: Content | Rejection = Content(0, content_id, width, height)
        if stale and isinstance(prompt, str):
            content = content_to_send(ledger, task, source_id, content_id, prompt) or content
        if isinstance(prompt, Rejection) or isinstance(content, Rejection):
            yield None
        else:
            key = work_key(content.content_id, task.spec_id, prompt)
            yield _Request(source_id, columns, content, prompt, key)


def quote_stale(ledger: Ledger, task: CaptionTask, request_template: RequestTemplate) -> Quote:
    """Price what `captionmill retry --outcome stale` would let go again of a source."""
    result = Quote(images=ledger.rechecks.summary(task.sources).images)
    with ledger.works.distinct_keys() as first_time:
        for content_id, width, height, columns in ledger.rechecks.to_send(
            task.sources, task.recipe
        ):
            prompt = fill_template(task.template, columns)
            if isinstance(prompt, Rejection):
                continue
            key = work_key(content_id, task.spec_id, prompt)
            work = ledger.works.peek(key)
            if first_time(key) and (work is None or work.state == "pending"):
                result.add(request_template.estimator.estimate(width, height, prompt))
    return result


def _add_linked(
    ledger: Ledger, task: CaptionTask, request_template: RequestTemplate, result: Quote, works: int
) -> None:
    """Add the works that images are linked to: the pending ones are priced, the others paid for."""
    pending = 0
    for source_id, key, width, height, columns in ledger.quoted.pending(task.sources, task.spec):
        pending += 1
        prompt = fill_template(task.template, columns)
        if isinstance(prompt, str):
            request = _Request(source_id, columns, Content(0, b"", width, height), prompt, key)
            _price(ledger, task, request_template, result, request, fresh=True)
    result.unique += works - pending
    result.paid += works - pending


def _plus(total: Nano | None, one: Nano | None, times: int) -> Nano | None:
    return None if total is None or one is None else total + times * one
