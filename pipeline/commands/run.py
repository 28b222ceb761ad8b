"""Run over folders, images and manifests: all stages overlapped, up to the table."""

from __future__ import annotations

from msgspec.structs import replace

from pipeline.config import Config, as_config
from pipeline.errors import OverBudget
from pipeline.records import Say
from pipeline.session.budget import (
    coverage_of,
    say_caps,
)
from pipeline.session.confirm import Confirm, price_of
from pipeline.session.finish import finish
from pipeline.session.inputs import open_data
from pipeline.session.notebook import shown_progress
from pipeline.session.online import caption_online, collect_background, find_our_batches
from pipeline.session.record import notified, recorded
from pipeline.session.refused_form import refused_before
from pipeline.session.report import Report
from pipeline.session.session import open_session
from pipeline.session.settings import LOCAL_POLL_SECONDS, RunSettings
from pipeline.session.source_run import SourceRun
from pipeline.session.spec_factory import NO_CHANGE, SpecChange
from pipeline.sources import named_places
from pipeline.sources.named_places import Named
from pipeline.stages.collect import collect_batches
from pipeline.stages.runner import BatchRunner
from pipeline.stages.submit import queue_room
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


class Run(SourceRun):
    """Sources that are captioned, up to the table."""

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

    def _caption(self, task: CaptionTask, engines: Engines, *, wait: bool) -> None:
        session, report = self.session, self.report
        self.prepare(task, engines)
        refusal = refused_before(session, self.caption_spec, task)
        if refusal is not None:
            report.fail(refusal)
            collect_batches(session.context, report)
            return
        if session.online:
            self._caption_online(task, engines, wait=wait)
            return
        collect_background(session, report)
        left_open = report.open
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
        report.open += left_open
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
        self,
        task: CaptionTask,
        engines: Engines,
        change: SpecChange = NO_CHANGE,
        *,
        wait: bool = True,
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
            change.tier or self.session.settings.specs.tier,
            wait=wait,
        )
