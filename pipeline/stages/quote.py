"""Quote of what is new: exact for images whose size is known, an upper bound for the rest.

Reads the ledger only; nothing is sent and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.core.cost_estimate import CostEstimate
from pipeline.core.identity import work_key
from pipeline.core.pricing import format_usd
from pipeline.core.prompt import fill_template
from pipeline.core.words import counted
from pipeline.ledger import Ledger
from pipeline.ledger.works import Content
from pipeline.records import Nano, Rejection
from pipeline.stages.shard_options import RequestTemplate
from pipeline.stages.stale import content_to_send
from pipeline.stages.values import CaptionTask


@dataclass(slots=True)
class Quote:
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

    @property
    def duplicates(self) -> int:
        """Number of read images that share a request with another one."""
        return self.images - self.unread - self.rejected - self.had_caption - self.unique

    def sentence(self) -> str:
        """Sentence for the person who pays."""
        if self.max_cost is None or self.expected is None:
            return f"{counted(self.requests, 'request')}, price unknown."
        return (
            f"{counted(self.requests, 'request')}, about {format_usd(self.expected)}, "
            f"at most {format_usd(self.max_cost)}."
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

    def add(self, one: CostEstimate, times: int = 1) -> None:
        """Add a request `times` over."""
        self.requests += times
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
    result = Quote(images=ledger.rows.images(task.source))
    result.rejected = sum(ledger.rows.reject_reasons(task.source).values())
    result.rejected += ledger.rows.count_refused(task.source, task.recipe)
    read = refused = 0
    with ledger.works.distinct_keys() as first_time:
        for request in _requests(ledger, task, fresh):
            read += 1
            if request is None:
                refused += 1
                continue
            source_id, columns, content, prompt = request
            key = work_key(content.content_id, task.spec_id, prompt)
            if not first_time(key):
                continue
            result.unique += 1
            work = ledger.works.peek(key) if fresh else None
            if work is not None and work.state != "pending":
                result.paid += 1
            else:
                cost = request_template.estimator.estimate(content.width, content.height, prompt)
                spared = fresh and task.kept_answer(source_id, columns) is not None
                result.spare(cost) if spared else result.add(cost)
        _leave_out(ledger, task, request_template, result, first_time)
    _add_unread(ledger, task, request_template, largest, result, read)
    result.rejected += refused
    return result


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
    for text in ledger.existing_texts.unread(task.source):
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
    first_time: Callable[[bytes], bool],
) -> None:
    """Count the images that are left at the text that they have, and what that saves."""
    for content_id, width, height, columns in ledger.existing_texts.left_out(task.source):
        prompt = fill_template(task.template, columns)
        text = task.template if isinstance(prompt, Rejection) else prompt
        key = work_key(content_id, task.spec_id, text)
        work = ledger.works.peek(key)
        would_be_sent = first_time(key) and (work is None or work.state == "pending")
        cost = request_template.estimator.estimate(width, height, text) if would_be_sent else None
        result.leave(cost)


def _requests(
    ledger: Ledger, task: CaptionTask, fresh: bool
) -> Iterator[tuple[bytes, Mapping[str, str], Content, str] | None]:
    """(source_id, columns, content, prompt) of each image that was read, as it would be sent; None
    for one that cannot be."""
    stale = fresh and ledger.rechecks.any_stale()
    for source_id, content_id, width, height, columns in ledger.rows.identified(
        task.source, task.recipe
    ):
        prompt = fill_template(task.template, columns)
        content: Content | Rejection = Content(0, content_id, width, height)
        if stale and isinstance(content, Content) and isinstance(prompt, str):
            content = content_to_send(ledger, task, source_id, content, prompt)
        if isinstance(prompt, Rejection) or isinstance(content, Rejection):
            yield None
        else:
            yield source_id, columns, content, prompt


def quote_stale(ledger: Ledger, task: CaptionTask, request_template: RequestTemplate) -> Quote:
    """Price what `captionmill retry --outcome stale` would let go again of a source."""
    result = Quote(images=ledger.rechecks.summary(task.source).images)
    with ledger.works.distinct_keys() as first_time:
        for content_id, width, height, columns in ledger.rechecks.to_send(task.source, task.recipe):
            prompt = fill_template(task.template, columns)
            if isinstance(prompt, Rejection):
                continue
            key = work_key(content_id, task.spec_id, prompt)
            work = ledger.works.peek(key)
            if first_time(key) and (work is None or work.state == "pending"):
                result.add(request_template.estimator.estimate(width, height, prompt))
    return result


def _plus(total: Nano | None, one: Nano | None, times: int) -> Nano | None:
    return None if total is None or one is None else total + times * one
