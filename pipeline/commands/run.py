"""Run over folders, images and manifests: all stages overlapped, up to the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

from pipeline.config import Config, as_config
from pipeline.errors import OverBudget
from pipeline.ledger.images import SeenImage
from pipeline.ledger.lookup import KnownOriginals
from pipeline.records import Say
from pipeline.session.budget import (
    coverage_of,
    headroom_of,
    least_requests,
    say_caps,
    shortage_of,
)
from pipeline.session.columns import check_columns
from pipeline.session.confirm import Confirm, confirm_price, price_of
from pipeline.session.existing_texts import leaving_texts
from pipeline.session.finish import finish
from pipeline.session.inputs import crawl_inputs, locate, open_data, restore, restores
from pipeline.session.model_check import check_model
from pipeline.session.notebook import shown_progress
from pipeline.session.online import caption_online, find_our_batches
from pipeline.session.publish import check_outputs
from pipeline.session.record import notified, recorded
from pipeline.session.refused_form import form_is_answered, refused_before
from pipeline.session.report import Report
from pipeline.session.reviewed import under_review
from pipeline.session.session import Session, open_session
from pipeline.session.settings import LOCAL_POLL_SECONDS, RunSettings
from pipeline.session.spec import recorded_task
from pipeline.session.spec_factory import NO_CHANGE, SpecChange
from pipeline.session.templates import request_template, retry_templates
from pipeline.sources import Source, SourceSet, named_places
from pipeline.sources.named_places import Named
from pipeline.stages.collect import collect_batches
from pipeline.stages.crawl import CrawlResult
from pipeline.stages.dedupe import represent_near_duplicates
from pipeline.stages.preprocess import leave_at_texts, link_known
from pipeline.stages.recheck import recheck_preparations
from pipeline.stages.runner import BatchRunner
from pipeline.stages.send_limit import SendLimit
from pipeline.stages.shard_options import ShardOptions
from pipeline.stages.submit import queue_room
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import CaptionTask, Engines, Progress

_PATIENCE = (
    "a batch may take up to 24 hours; Ctrl-C is safe: it goes on at the service, and the same "
    "command fetches it"
)


def run(
    config: Config | str,
    data: Named = None,
    *,
    manifest: Named = None,
    wait: bool = True,
    accept_lost: bool = False,
    confirm: Confirm = lambda _question: False,
    say: Say = lambda _text: None,
    progress: Progress | None = None,
) -> Report:
    """Caption folders, images and manifests.

    Args:
        config: see `load_config`.
        data: a folder of images, one image, a table, a glob, or several of them; None only with
            `manifest`.
        manifest: a table with a column of paths, or several.
        wait: stay until everything is answered; False does what can be done now.
        accept_lost: images that are not there any more are gone, however many.
        confirm: called with a question when more than `[budget] confirm_above` may be spent.
        say: shows single sentences.

    Returns:
        figures of the run; `Report.exit_code` shows whether something is left to do.

    Raises:
        CaptionmillError: see the error tree; nothing is lost by any of them.
    """
    command = "run" if wait else "run --no-wait"
    with notified(as_config(config).notify, command, say) as report:
        places = named_places(data, manifest)
        settings = RunSettings.of(config).taking_losses(accept_lost).over(places)
        inputs, settings = open_data(settings, places)
        with open_session(settings, command, say) as session, shown_progress(progress) as bars:
            Run(session, inputs, report, confirm, bars).go(wait=wait)
    return report


class Run:
    """Run over sources in an open session."""

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

    def go(self, *, wait: bool) -> None:
        """Crawl, confirm the price, caption, export, clean."""
        with recorded(self.session, self.report):
            say_caps(self.session)
            with self.engines() as engines:
                crawled = self.crawl(engines.sparing.begin)
                if find_our_batches(self.session, self.report):
                    task = self.task(crawled)
                    self.recheck(task, engines, crawled)
                    self.confirm_price(task)
                    self._caption(task, engines, wait=wait)
                    self._explain_shortage(task)
                else:
                    collect_batches(self.session.context, self.report)
            self.report.limited = self.limit.withheld
            finish(self.session, self.report, crawled.sources)

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
        images = session.ledger.images
        for source in task.sources:
            if images.use_spec(source, task.spec, task.recipe.admission):
                session.ledger.put(STALE, "1")
        session.ledger.due.note(task.sources)
        self._restore(task)
        distance = session.settings.near_distance
        if distance is not None:
            represent_near_duplicates(session.ledger, task, engines.sparing, self.locate, distance)

    def _restore(self, task: CaptionTask) -> None:
        """Bring back deleted downloads that will be sent; images of known contents are linked
        first, without their bytes."""
        session, images = self.session, self.session.ledger.images
        if not restores(session.settings, self.inputs):
            return
        if session.settings.near_distance is None:  # else it is linked after grouping
            link_known(session.ledger, task, session.context.check_stop)
        unsent = (image for _, image in images.unsent(task.sources, task.spec))
        restore(session, self.inputs, chain(images.todo(task.sources), unsent))

    def _caption(self, task: CaptionTask, engines: Engines, *, wait: bool) -> None:
        session, report = self.session, self.report
        self.prepare(task, engines)
        refusal = refused_before(session, self.caption_spec, task)
        if refusal is not None:
            report.fail(refusal)
            collect_batches(session.context, report)
            return
        if session.online:
            self._caption_online(task, engines)
            return
        local = session.identity.local
        queue = queue_room(session.context, self.caption_spec.request.model)
        BatchRunner(
            session.context,
            task,
            replace(self.shard_options(queue), first=self.first_requests()),
            engines,
            self.locate,
            self.progress,
            wait=wait,
            poll_seconds=LOCAL_POLL_SECONDS if local else session.settings.batch.poll_seconds,
            totals=report,
            leave_rest=lambda: self._few_left(task),
            patience="" if local else _PATIENCE,
            expected=report.quote.requests if report.quote else 0,
        ).caption()
        if self._few_left(task) and not report.open and report.error is None:
            session.context.say("the last few go online, at the flex tier")
            self._caption_online(task, engines, SpecChange(tier="flex"))

    def _explain_shortage(self, task: CaptionTask) -> None:
        """Say what the rest needs when a cap has ended the run."""
        if isinstance(self.report.error, OverBudget):
            price = price_of(self.session, self.caption_spec, task)
            self.report.note_problem(coverage_of(self.session, price))

    def _few_left(self, task: CaptionTask) -> bool:
        """Tell if so few requests go again that they are sent online (`[online] flex_last`)."""
        ledger, most = self.session.ledger, self.session.settings.online.flex_last
        if not most or self.session.identity.local or ledger.images.count_todo(task.sources):
            return False
        return 0 < ledger.works.going_again(task.spec) <= most

    def _caption_online(
        self, task: CaptionTask, engines: Engines, change: SpecChange = NO_CHANGE
    ) -> None:
        """Caption what is left, one request at a time."""
        queue = queue_room(self.session.context, self.caption_spec.request.model)
        caption_online(
            self.session,
            task,
            self.shard_options(queue, change),
            lambda writer: writer.write(engines, self.locate),
            self.progress,
            self.report,
        )
