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

from pipeline import wiring
from pipeline.asking import Confirm, ask, wish_of
from pipeline.config import Config
from pipeline.core.budget import room
from pipeline.core.prompt import check_template, template_fields
from pipeline.finishing import export_all, finish
from pipeline.inputs import download, locate, open_data, restore, restores
from pipeline.ledger.lookup import KnownOriginals
from pipeline.ledger.specs import SpecText
from pipeline.online import at_flex, caption_online, look_at_service
from pipeline.recording import recorded, told
from pipeline.records import Nano
from pipeline.report.summary import Report
from pipeline.session import Session, open_session
from pipeline.sources import Source
from pipeline.sources.sidecar import COLUMN as SIDECAR
from pipeline.stages.caption import Captioner, Quiet, Tally, Watcher
from pipeline.stages.collect import collect as collect_batches
from pipeline.stages.crawl import Crawled, crawl
from pipeline.stages.dedupe import dedupe
from pipeline.stages.export import STALE
from pipeline.stages.preprocess import Engines, Order, link_known
from pipeline.stages.submit import queue_room
from pipeline.stages.write import Pen
from pipeline.stopping import Stopper

__all__ = ["collect", "export_all", "run", "submit"]

Say = Callable[[str], None]


def run(
    config: Config,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    wait: bool = True,
    confirm: Confirm = lambda _question: False,
    say: Say = lambda _text: None,
    watcher: Watcher | None = None,
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
    with told(wiring.notice(config), command, say) as report:
        source = open_data(config, data, manifest)
        with open_session(config, command, say) as session:
            Run(session, source, report, confirm, watcher or Quiet()).go(wait=wait)
    return report


def submit(
    config: Config,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    confirm: Confirm = lambda _question: False,
    say: Say = lambda _text: None,
    watcher: Watcher | None = None,
) -> Report:
    """Prepare and submit what is new, then return; `collect` fetches the answers."""
    return run(
        config,
        data,
        manifest=manifest,
        wait=False,
        confirm=confirm,
        say=say,
        watcher=watcher,
    )


def collect(
    config: Config, *, say: Say = lambda _text: None, stopper: Stopper | None = None
) -> Report:
    """Fetch what is finished of everything under way, make the table anew, return.

    Args:
        stopper: asked between two steps whether to stop; signals by default.
    """
    with (
        told(wiring.notice(config), "collect", say) as report,
        open_session(config, "collect", say, stopper=stopper) as session,
        recorded(session, report),
    ):
        tally = Tally()
        look_at_service(session, tally)
        found = collect_batches(session.desk)
        tally.settled, tally.outcomes, tally.open = found.batches, found.outcomes, found.open
        tally.problems += found.problems
        tally.error = tally.error or found.error
        report.add_tally(tally)
        finish(session, report)
    return report


class Run:
    """One run over one source."""

    def __init__(
        self,
        session: Session,
        source: Source,
        report: Report,
        confirm: Confirm,
        watcher: Watcher,
    ) -> None:
        self.session, self.source, self.report = session, source, report
        self.confirm, self.watcher = confirm, watcher
        self.wish = wish_of(session)
        recipe = self.wish.recipe
        self.recipe = session.ledger.specs.recipe(recipe.canonical(), recipe.admission())

    def go(self, *, wait: bool) -> None:
        """Crawl, ask, caption, export, clean."""
        with recorded(self.session, self.report):
            with self.engines() as engines:
                crawled = self.crawl(engines.sparing.begin)
                tally = Tally()
                if look_at_service(self.session, tally):
                    order = self.order(crawled)
                    self.ask(order)
                    tally = self._caption(order, engines, wait=wait)
                else:
                    found = collect_batches(self.session.desk)
                    tally.settled, tally.outcomes = found.batches, found.outcomes
                    tally.open = found.open
            self.report.add_tally(tally)
            finish(self.session, self.report, crawled.source)

    def crawl(self, expect: Callable[[int], None] = lambda _todo: None) -> Crawled:
        """Look at the source; `expect` as in `stages.crawl`."""
        session = self.session
        now, check_stop = session.clock.now(), session.desk.check_stop
        download(session.config, self.source, session)
        crawled = crawl(session.ledger, self.source, now, check_stop, expect)
        self.report.add_crawl(crawled)
        self.watcher.found(crawled.images, crawled.todo)
        return crawled

    def order(self, crawled: Crawled) -> Order:
        """What is asked about each image of the source."""
        session, wished = self.session, self.wish
        ledger, identity = session.ledger, session.identity
        text = SpecText(
            identity.provider, identity.account, wished.request.model, wished.request.endpoint
        )
        columns = list(self.source.columns)
        ledger.images.remember_columns(crawled.source, columns)
        check_template(wished.template, columns)
        asked = session.config.input.sidecar_context and SIDECAR in columns
        if asked and SIDECAR not in template_fields(wished.template):
            session.desk.say(
                "the texts beside the images are not sent: the prompt does not name {sidecar}"
            )
        return Order(
            source=crawled.source,
            spec=ledger.specs.spec(wished.spec, text, self.session.clock.now()),
            spec_id=wished.spec_id,
            recipe=self.recipe,
            template=wished.template,
        )

    def ask(self, order: Order) -> None:
        """Show the price of what is new; ask above the configured amount."""
        self.report.quote = ask(self.session, self.wish, order, self.confirm)

    def pen(self, queue: int | None) -> Pen:
        """How requests are written, for a service that takes `queue` prompt tokens at once."""
        session, desk = self.session, self.session.desk
        return Pen(
            quill=wiring.quill(self.wish),
            again=wiring.quills(session.config, self.wish, lambda c: wish_of(session, c)),
            limits=wiring.limits(session.config, queue, local=session.identity.local),
            folder=session.workspace.shards,
            room=lambda: _room(session),
            check_stop=desk.check_stop,
        )

    @contextmanager
    def engines(self) -> Iterator[Engines]:
        """The workers that prepare images; none runs before one is needed."""
        session = self.session
        alike = session.config.images.near_duplicates
        look = KnownOriginals(session.workspace.ledger, self.recipe, looked=alike is not None)
        with look as known, wiring.engines(session.config, self.wish.recipe, known) as engines:
            yield engines

    def settle(self, order: Order, engines: Engines) -> None:
        """From now on the source's rows are about `order`: what looks alike is found, and
        deleted downloads that will be sent are brought back."""
        session = self.session
        if session.ledger.images.use_spec(order.source, order.spec, order.recipe.admission):
            session.ledger.put(STALE, "1")
        self._restore(order)
        alike = session.config.images.near_duplicates
        if alike is not None:
            find = functools.partial(locate, self.source)
            dedupe(session.ledger, order, engines.sparing, find, alike.distance)

    def _restore(self, order: Order) -> None:
        """Bring back the bytes of deleted downloads that will be sent; what is paid for or only
        asked for anew is linked first, without them."""
        session, images = self.session, self.session.ledger.images
        if not restores(session.config, self.source):
            return
        if session.config.images.near_duplicates is None:  # else it is linked after grouping
            link_known(session.ledger, order, session.desk.check_stop)
        unsent = (image for _, image in images.unsent(order.source))
        restore(session, self.source, chain(images.todo(order.source), unsent))

    def _caption(self, order: Order, engines: Engines, *, wait: bool) -> Tally:
        session = self.session
        self.settle(order, engines)
        if session.online:
            return self._online(session.config, order, engines)
        captioner = Captioner(
            session.desk,
            order,
            self.pen(queue_room(session.desk, self.wish.request.model)),
            engines,
            lambda image: locate(self.source, image),
            self.watcher,
            wait=wait,
            poll_seconds=0.5 if session.identity.local else session.config.batch.poll_seconds,
            leave_rest=lambda: self._few_left(order),
        )
        tally = captioner.caption()
        if self._few_left(order) and not tally.open and tally.error is None:
            session.desk.say("the last few go online, at the flex tier")
            tally.add(self._online(at_flex(session.config), order, engines))
        return tally

    def _few_left(self, order: Order) -> bool:
        """True when so few requests go again that they are asked online (`[online] flex_last`)."""
        ledger, most = self.session.ledger, self.session.config.online.flex_last
        if not most or self.session.identity.local or ledger.images.count_todo(order.source):
            return False
        return 0 < ledger.works.going_again(order.spec) <= most

    def _online(self, config: Config, order: Order, engines: Engines) -> Tally:
        """Caption what is left, one request at a time."""
        session, wished = self.session, wish_of(self.session, config)
        pen = replace(
            self.pen(queue_room(session.desk, wished.request.model)),
            quill=wiring.quill(wished),
            again=wiring.quills(config, wished, lambda c: wish_of(session, c)),
        )
        find = functools.partial(locate, self.source)
        return caption_online(
            session, config, order, pen, lambda writer: writer.write(engines, find), self.watcher
        )


def _room(session: Session) -> Nano | None:
    caps = session.desk.caps
    return (
        room(caps, session.ledger.books.exposure(session.desk.scope())).nano if caps.any else None
    )
