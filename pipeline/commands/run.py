"""The verbs, end to end: opens the workspace, wires by name, runs the stages.

The only module that knows them all. `pipeline` re-exports what a program may call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

from pipeline.config import Config
from pipeline.core.budget import room
from pipeline.core.prompt import check_template, template_fields
from pipeline.ledger.lookup import KnownOriginals
from pipeline.ledger.specs import SpecText
from pipeline.records import Nano, Say
from pipeline.session import settings
from pipeline.session.confirm import Confirm, build_spec_of, confirm_price
from pipeline.session.finish import finish
from pipeline.session.inputs import download, locate, open_data, restore, restores
from pipeline.session.online import at_flex, caption_online, look_at_service
from pipeline.session.record import recorded, told
from pipeline.session.report import Report
from pipeline.session.session import Session, open_session
from pipeline.sources import Source
from pipeline.sources.sidecar import COLUMN as SIDECAR
from pipeline.stages.collect import collect as collect_batches
from pipeline.stages.crawl import CrawlResult, crawl
from pipeline.stages.dedupe import dedupe
from pipeline.stages.export import STALE
from pipeline.stages.preprocess import CaptionTask, Engines, link_known
from pipeline.stages.runner import BatchRunner, NoProgress, Progress, RunTotals
from pipeline.stages.submit import queue_room
from pipeline.stages.write import ShardOptions


def run(
    config: Config,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    wait: bool = True,
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
        confirm: asked when more than `[budget] confirm_above` may be spent.
        say: shown single sentences.

    Returns:
        what was done; `Report.exit_code` tells whether something is left to do.

    Raises:
        CaptionmillError: see the error tree; nothing is lost by any of them.
    """
    command = "run" if wait else "run --no-wait"
    with told(settings.notice(config), command, say) as report:
        source = open_data(config, data, manifest)
        with open_session(config, command, say) as session:
            Run(session, source, report, confirm, progress or NoProgress()).go(wait=wait)
    return report


class Run:
    """One run over one source."""

    def __init__(
        self,
        session: Session,
        source: Source,
        report: Report,
        confirm: Confirm,
        progress: Progress,
    ) -> None:
        self.session, self.source, self.report = session, source, report
        self.confirm, self.progress = confirm, progress
        self.caption_spec = build_spec_of(session)
        recipe = self.caption_spec.recipe
        self.recipe = session.ledger.specs.recipe(recipe.canonical(), recipe.admission())

    def go(self, *, wait: bool) -> None:
        """Crawl, ask, caption, export, clean."""
        with recorded(self.session, self.report):
            with self.engines() as engines:
                crawled = self.crawl(engines.sparing.begin)
                run_totals = RunTotals()
                if look_at_service(self.session, run_totals):
                    task = self.task(crawled)
                    self.confirm_price(task)
                    run_totals = self._caption(task, engines, wait=wait)
                else:
                    found = collect_batches(self.session.context)
                    run_totals.settled, run_totals.outcomes = found.batches, found.outcomes
                    run_totals.open = found.open
            self.report.add_tally(run_totals)
            finish(self.session, self.report, crawled.source)

    def crawl(self, expect: Callable[[int], None] = lambda _todo: None) -> CrawlResult:
        """Look at the source; `expect` as in `stages.crawl`."""
        session = self.session
        now, check_stop = session.clock.now(), session.context.check_stop
        download(session.config, self.source, session)
        crawled = crawl(session.ledger, self.source, now, check_stop, expect)
        self.report.add_crawl(crawled)
        self.progress.found(crawled.images, crawled.todo)
        return crawled

    def task(self, crawled: CrawlResult) -> CaptionTask:
        """What is asked about each image of the source."""
        session, caption_spec = self.session, self.caption_spec
        ledger, identity = session.ledger, session.identity
        text = SpecText(
            identity.provider,
            identity.account,
            caption_spec.request.model,
            caption_spec.request.endpoint,
        )
        columns = list(self.source.columns)
        ledger.images.remember_columns(crawled.source, columns)
        check_template(caption_spec.template, columns)
        asked = session.config.input.sidecar_context and SIDECAR in columns
        if asked and SIDECAR not in template_fields(caption_spec.template):
            session.context.say(
                "the texts beside the images are not sent: the prompt does not name {sidecar}"
            )
        return CaptionTask(
            source=crawled.source,
            spec=ledger.specs.spec(caption_spec.spec, text, self.session.clock.now()),
            spec_id=caption_spec.spec_id,
            recipe=self.recipe,
            template=caption_spec.template,
        )

    def confirm_price(self, task: CaptionTask) -> None:
        """Show the price of what is new; ask above the configured amount."""
        self.report.quote = confirm_price(self.session, self.caption_spec, task, self.confirm)

    def shard_options(self, queue: int | None) -> ShardOptions:
        """How requests are written, for a service that takes `queue` prompt tokens at once."""
        session, context = self.session, self.session.context
        return ShardOptions(
            request_template=settings.request_template(self.caption_spec),
            again=settings.retry_templates(
                session.config, self.caption_spec, lambda c: build_spec_of(session, c)
            ),
            limits=settings.limits(session.config, queue, local=session.identity.local),
            folder=session.workspace.shards,
            room=lambda: _room(session),
            check_stop=context.check_stop,
        )

    @contextmanager
    def engines(self) -> Iterator[Engines]:
        """The workers that prepare images; none runs before one is needed."""
        session = self.session
        alike = session.config.images.near_duplicates
        known = KnownOriginals(session.workspace.ledger, self.recipe, looked=alike is not None)
        with settings.engines(session.config, self.caption_spec.recipe, known) as engines:
            yield engines

    def settle(self, task: CaptionTask, engines: Engines) -> None:
        """From now on the source's rows are about `task`: what looks alike is found, and
        deleted downloads that will be sent are brought back."""
        session = self.session
        if session.ledger.images.use_spec(task.source, task.spec, task.recipe.admission):
            session.ledger.put(STALE, "1")
        self._restore(task)
        alike = session.config.images.near_duplicates
        if alike is not None:
            find = functools.partial(locate, self.source)
            dedupe(session.ledger, task, engines.sparing, find, alike.distance)

    def _restore(self, task: CaptionTask) -> None:
        """Bring back the bytes of deleted downloads that will be sent; what is paid for or only
        asked for anew is linked first, without them."""
        session, images = self.session, self.session.ledger.images
        if not restores(session.config, self.source):
            return
        if session.config.images.near_duplicates is None:  # else it is linked after grouping
            link_known(session.ledger, task, session.context.check_stop)
        unsent = (image for _, image in images.unsent(task.source))
        restore(session, self.source, chain(images.todo(task.source), unsent))

    def _caption(self, task: CaptionTask, engines: Engines, *, wait: bool) -> RunTotals:
        session = self.session
        self.settle(task, engines)
        if session.online:
            return self._online(session.config, task, engines)
        batch_runner = BatchRunner(
            session.context,
            task,
            self.shard_options(queue_room(session.context, self.caption_spec.request.model)),
            engines,
            lambda image: locate(self.source, image),
            self.progress,
            wait=wait,
            poll_seconds=0.5 if session.identity.local else session.config.batch.poll_seconds,
            leave_rest=lambda: self._few_left(task),
        )
        run_totals = batch_runner.caption()
        if self._few_left(task) and not run_totals.open and run_totals.error is None:
            session.context.say("the last few go online, at the flex tier")
            run_totals.add(self._online(at_flex(session.config), task, engines))
        return run_totals

    def _few_left(self, task: CaptionTask) -> bool:
        """True when so few requests go again that they are asked online (`[online] flex_last`)."""
        ledger, most = self.session.ledger, self.session.config.online.flex_last
        if not most or self.session.identity.local or ledger.images.count_todo(task.source):
            return False
        return 0 < ledger.works.going_again(task.spec) <= most

    def _online(self, config: Config, task: CaptionTask, engines: Engines) -> RunTotals:
        """Caption what is left, one request at a time."""
        session, caption_spec = self.session, build_spec_of(self.session, config)
        shard_options = replace(
            self.shard_options(queue_room(session.context, caption_spec.request.model)),
            request_template=settings.request_template(caption_spec),
            again=settings.retry_templates(
                config, caption_spec, lambda c: build_spec_of(session, c)
            ),
        )
        find = functools.partial(locate, self.source)
        return caption_online(
            session,
            config,
            task,
            shard_options,
            lambda writer: writer.write(engines, find),
            self.progress,
        )


def _room(session: Session) -> Nano | None:
    caps = session.context.caps
    return (
        room(caps, session.ledger.reservations.exposure(session.context.scope())).nano
        if caps.any
        else None
    )
