"""Run over a folder, an image or a manifest: all stages overlapped, up to the table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

from pipeline.config import Config, as_config
from pipeline.core.prompt import check_template
from pipeline.errors import OverBudget
from pipeline.ledger.lookup import KnownOriginals
from pipeline.records import Say
from pipeline.session.beside import check_sidecars
from pipeline.session.budget import (
    coverage_of,
    headroom_of,
    least_requests,
    say_caps,
    shortage_of,
)
from pipeline.session.confirm import Confirm, confirm_price, price_of
from pipeline.session.existing_texts import leaving_texts
from pipeline.session.finish import finish
from pipeline.session.inputs import column_notes, download, locate, open_data, restore, restores
from pipeline.session.model_check import check_model
from pipeline.session.notebook import shown_progress
from pipeline.session.online import caption_online, find_our_batches
from pipeline.session.record import notified, recorded
from pipeline.session.refused_form import form_is_answered, refused_before
from pipeline.session.report import Report
from pipeline.session.reviewed import under_review
from pipeline.session.session import Session, open_session
from pipeline.session.settings import LOCAL_POLL_SECONDS, RunSettings
from pipeline.session.spec import recorded_task
from pipeline.session.spec_factory import NO_CHANGE, SpecChange
from pipeline.session.templates import request_template, retry_templates
from pipeline.sources import Source
from pipeline.stages.collect import collect_batches
from pipeline.stages.crawl import CrawlResult, crawl
from pipeline.stages.dedupe import represent_near_duplicates
from pipeline.stages.export import STALE
from pipeline.stages.preprocess import leave_at_texts, link_known
from pipeline.stages.recheck import recheck_preparations
from pipeline.stages.runner import BatchRunner
from pipeline.stages.shard_options import ShardOptions
from pipeline.stages.submit import queue_room
from pipeline.stages.values import CaptionTask, Engines, Progress

_PATIENCE = (
    "a batch may take up to 24 hours; Ctrl-C is safe: it goes on at the service, and the same "
    "command fetches it"
)


def run(
    config: Config | str,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    wait: bool = True,
    accept_lost: bool = False,
    confirm: Confirm = lambda _question: False,
    say: Say = lambda _text: None,
    progress: Progress | None = None,
) -> Report:
    """Caption a folder, an image or a manifest.

    Args:
        config: see `load_config`.
        data: a folder of images or one image; None only with `manifest`.
        manifest: a CSV or TSV with a column of paths.
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
        settings = RunSettings.of(config).taking_losses(accept_lost).over(data, manifest)
        source = open_data(settings, data, manifest)
        settings = settings.reading(source.columns)
        with open_session(settings, command, say) as session, shown_progress(progress) as bars:
            Run(session, source, report, confirm, bars).go(wait=wait)
    return report


class Run:
    """Run over one source in an open session."""

    def __init__(
        self,
        session: Session,
        source: Source,
        report: Report,
        confirm: Confirm,
        progress: Progress,
        change: SpecChange = NO_CHANGE,
    ) -> None:
        """Prepare a run; `change` applies to the configured spec."""
        self.session, self.source, self.report = session, source, report
        self.confirm, self.progress, self.change = confirm, progress, change
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
            finish(self.session, self.report, crawled.source)

    def crawl(self, expect: Callable[[int], None] = lambda _todo: None) -> CrawlResult:
        """Download and crawl the source; `expect` as in `stages.crawl`."""
        session = self.session
        now, check_stop = session.clock.now(), session.context.check_stop
        download(self.source, session)
        crawled = crawl(
            session.ledger, self.source, now, check_stop, expect,
            loss_rule=session.settings.loss_rule, reread=session.settings.reread,
            texts=session.settings.existing_texts(),
        )  # fmt: skip
        self.report.add_crawl(crawled)
        if crawled.trouble:
            session.context.say(crawled.trouble)
        self.progress.crawled(crawled.images, crawled.todo)
        return crawled

    def task(self, crawled: CrawlResult) -> CaptionTask:
        """Task for each image of the source; its prompt is checked against the columns."""
        session, caption_spec = self.session, self.caption_spec
        ledger, columns = session.ledger, list(self.source.columns)
        ledger.images.remember_columns(crawled.source, columns)
        check_template(caption_spec.template, columns)
        for note in column_notes(session.settings, caption_spec.template, columns):
            session.context.say(note)
        task = recorded_task(
            ledger, session.identity, caption_spec, self.recipe, crawled.source, session.clock.now()
        )
        check_sidecars(session, crawled.skipped)
        return leaving_texts(under_review(session, task), session.settings, ledger, session.edits)

    def recheck(self, task: CaptionTask, engines: Engines, crawled: CrawlResult) -> None:
        """Look again at what version 0.1.0 prepared, and at texts that images have already."""
        recheck_preparations(
            self.session.ledger,
            task,
            engines.thorough,
            functools.partial(locate, self.source),
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
        """Bind the source's rows to `task` from now on: near-duplicates are grouped, and deleted
        downloads that will be sent are brought back."""
        session = self.session
        if session.ledger.images.use_spec(task.source, task.spec, task.recipe.admission):
            session.ledger.put(STALE, "1")
        session.ledger.due.note(task.source)
        self._restore(task)
        distance, find = session.settings.near_distance, functools.partial(locate, self.source)
        if distance is not None:
            represent_near_duplicates(session.ledger, task, engines.sparing, find, distance)

    def _restore(self, task: CaptionTask) -> None:
        """Bring back deleted downloads that will be sent; images of known contents are linked
        first, without their bytes."""
        session, images = self.session, self.session.ledger.images
        if not restores(session.settings, self.source):
            return
        if session.settings.near_distance is None:  # else it is linked after grouping
            link_known(session.ledger, task, session.context.check_stop)
        unsent = (image for _, image in images.unsent(task.source))
        restore(session, self.source, chain(images.todo(task.source), unsent))

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
            lambda image: locate(self.source, image),
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
            rest = price_of(self.session, self.caption_spec, task)
            self.report.note_problem(coverage_of(self.session, rest))

    def _few_left(self, task: CaptionTask) -> bool:
        """Tell if so few requests go again that they are sent online (`[online] flex_last`)."""
        ledger, most = self.session.ledger, self.session.settings.online.flex_last
        if not most or self.session.identity.local or ledger.images.count_todo(task.source):
            return False
        return 0 < ledger.works.going_again(task.spec) <= most

    def _caption_online(
        self, task: CaptionTask, engines: Engines, change: SpecChange = NO_CHANGE
    ) -> None:
        """Caption what is left, one request at a time."""
        find = functools.partial(locate, self.source)
        queue = queue_room(self.session.context, self.caption_spec.request.model)
        caption_online(
            self.session,
            task,
            self.shard_options(queue, change),
            lambda writer: writer.write(engines, find),
            self.progress,
            self.report,
        )
