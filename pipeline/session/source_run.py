"""Sources of a command: crawled, priced, bound to a spec, with the engines that read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain

from pipeline.ledger.images import SeenImage
from pipeline.ledger.known_originals import KnownOriginals
from pipeline.session.budget import (
    headroom_of,
    least_requests,
    shortage_of,
)
from pipeline.session.columns import check_columns
from pipeline.session.confirm import Confirm, confirm_price
from pipeline.session.existing_texts import leaving_texts
from pipeline.session.inputs import crawl_inputs, locate, may_restore, restore
from pipeline.session.model_check import check_model
from pipeline.session.publish import check_outputs
from pipeline.session.recall import recall_former
from pipeline.session.refused_form import form_is_answered
from pipeline.session.report import Report
from pipeline.session.reviewed import under_review
from pipeline.session.session import Session
from pipeline.session.spec import recorded_task
from pipeline.session.spec_factory import NO_CHANGE, SpecChange
from pipeline.session.templates import request_template, retry_templates
from pipeline.sources import Source, SourceSet
from pipeline.stages.crawl import CrawlResult
from pipeline.stages.dedupe import represent_near_duplicates
from pipeline.stages.preprocess import leave_at_texts, link_known
from pipeline.stages.recheck import recheck_preparations
from pipeline.stages.send_limit import SendLimit
from pipeline.stages.shard_options import ShardOptions
from pipeline.stages.table_facts import bind_sources
from pipeline.stages.values import CaptionTask, Engines, Progress


class SourceRun:
    """Sources of a command in an open session, and what is made of them before anything is sent."""

    def __init__(
        self,
        session: Session,
        inputs: SourceSet,
        report: Report,
        confirm: Confirm,
        progress: Progress,
        change: SpecChange = NO_CHANGE,
    ) -> None:
        """Prepare a run; `change` applies to the configured spec."""
        self.session, self.inputs, self.report = session, inputs, report
        self.confirm, self.progress, self.change = confirm, progress, change
        self.sources: dict[int, Source] = {}
        self.limit = SendLimit(session.settings.limit)
        self.caption_spec = session.build_spec(change)
        recipe = self.caption_spec.recipe
        self.recipe = session.ledger.specs.recipe(recipe.canonical(), recipe.admission())

    def crawl(self, expect: Callable[[int], None] = lambda _todo: None) -> CrawlResult:
        """Download and crawl the sources; `expect` as in `stages.crawl`."""
        crawled, self.sources = crawl_inputs(self.inputs, self.session, expect)
        self.report.add_crawl(crawled)
        self.progress.crawled(crawled.images, crawled.todo)
        return crawled

    def locate(self, image: SeenImage) -> str:
        """Openable path of an image of a crawled source, or the address that is sent for it."""
        return locate(self.sources, image)

    def task(self, crawled: CrawlResult) -> CaptionTask:
        """Task for each image of the sources; its prompt is checked against their columns."""
        session, spec, ledger = self.session, self.caption_spec, self.session.ledger
        check_columns(session, self.sources, spec.template)
        now = session.clock.now()
        task = recorded_task(ledger, session.identity, spec, self.recipe, crawled.sources, now)
        recall_former(ledger, task, session.context.say)
        check_outputs(session, crawled.skipped)
        return leaving_texts(under_review(session, task), session.settings, ledger, session.edits)

    def recheck(self, task: CaptionTask, engines: Engines, crawled: CrawlResult) -> None:
        """Look again at what version 0.1.0 prepared, and at texts that images have already."""
        recheck_preparations(
            self.session.ledger,
            task,
            engines.thorough,
            self.locate,
            self.caption_spec.recipe.caps.min_sent_side,
            changed=crawled.changed,
            say=self.session.context.say,
            check_stop=self.session.context.check_stop,
        )
        leave_at_texts(self.session.ledger, task)

    def confirm_price(self, task: CaptionTask) -> None:
        """Show the price of what is new; ask above the configured amount."""
        price = confirm_price(self.session, self.caption_spec, task, self.confirm)
        self.report.quote = price
        is_new = price is not None and price.requests
        if is_new and not form_is_answered(self.session, self.caption_spec):
            check_model(self.session, self.caption_spec.request.model)

    def first_requests(self) -> int | None:
        """Requests that go before all others; None for a form of request that has had an answer."""
        first = self.session.settings.batch.first_requests
        answered = not first or form_is_answered(self.session, self.caption_spec)
        return None if answered else first

    def shard_options(self, queue: int | None, change: SpecChange = NO_CHANGE) -> ShardOptions:
        """Options of writing shards, for a service that takes `queue` prompt tokens at once;
        `change` applies to this run's spec."""
        session, change = self.session, self.change.then(change)
        caption_spec = session.build_spec(change) if change != self.change else self.caption_spec
        return ShardOptions(
            request_template=request_template(caption_spec),
            again=retry_templates(
                session.settings.retry,
                caption_spec,
                lambda again: session.build_spec(change.then(again)),
            ),
            limits=session.settings.batch.shard_limits(queue, local=session.identity.local),
            folder=session.workspace.shards,
            room=lambda: headroom_of(session).left,
            shortage=lambda needed, requests: shortage_of(session, needed, requests),
            least=lambda: least_requests(session, self.report.requests),
            check_stop=session.context.check_stop,
            limit=self.limit,
        )

    @contextmanager
    def engines(self) -> Iterator[Engines]:
        """Engines that prepare images; no worker runs before one is needed."""
        session, settings = self.session, self.session.settings
        compared = settings.near_distance is not None
        known_originals = KnownOriginals(session.workspace.ledger, self.recipe, hashed=compared)
        recipe = self.caption_spec.recipe
        with known_originals as known, settings.engine.engines(recipe, known) as engines:
            yield engines

    def prepare(self, task: CaptionTask, engines: Engines) -> None:
        """Bind the sources' rows to `task` from now on: near-duplicates are grouped, and deleted
        downloads that will be sent are brought back."""
        session = self.session
        bind_sources(session.ledger, task)
        session.ledger.due.note(task.sources)
        self._restore(task)
        distance = session.settings.near_distance
        if distance is not None:
            represent_near_duplicates(session.ledger, task, engines.sparing, self.locate, distance)

    def _restore(self, task: CaptionTask) -> None:
        """Bring back deleted downloads that will be sent; images of known contents are linked
        first, without their bytes."""
        session, images = self.session, self.session.ledger.images
        if not may_restore(session.settings, self.inputs):
            return
        if session.settings.near_distance is None:  # else it is linked after grouping
            link_known(session.ledger, task, session.context.check_stop)
        unsent = (image for _, image in images.unsent(task.sources, task.spec))
        restore(session, self.inputs, chain(images.todo(task.sources), unsent))
