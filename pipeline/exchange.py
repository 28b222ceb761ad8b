"""write and merge: requests as files that can be run anywhere, and the answers back from files.

No service is called and no key is needed. What was handed over counts as sent: it is live, its
money is reserved, and no run sends it again until it is answered or given back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline import wiring, wishes
from pipeline.config import Config
from pipeline.errors import OverBudget
from pipeline.finishing import finish
from pipeline.inputs import locate, open_data
from pipeline.job import Run
from pipeline.recording import recorded, told
from pipeline.report.summary import Report
from pipeline.session import Session, open_session
from pipeline.stages.caption import Quiet, Tally, Watcher
from pipeline.stages.collect import Collected
from pipeline.stages.handover import Handed, give_back, hand_over
from pipeline.stages.merge import Origin
from pipeline.stages.merge import merge as merge_file
from pipeline.stages.preprocess import Engines, Order
from pipeline.stages.write import Writer

Say = Callable[[str], None]


def write(
    config: Config,
    data: str | Path | None,
    out: str | Path,
    *,
    manifest: str | Path | None = None,
    say: Say = lambda _text: None,
    watcher: Watcher | None = None,
) -> Report:
    """Prepare what is new and write its requests to `out` as JSONL files, KEY.jsonl each.

    Raises:
        CaptionmillError: see the error tree.
    """
    with told(wiring.notice(config), "write", say) as report:
        source = open_data(config, data, manifest)
        with (
            open_session(config, "write", say, offline=True) as session,
            recorded(session, report),
        ):
            # whoever runs the files pays for them: nothing is asked here
            run = Run(session, source, report, lambda _question: True, watcher or Quiet())
            with run.engines() as engines:
                crawled = run.crawl(engines.sparing.begin)
                order = run.order(crawled)
                run.ask(order)
                _write(run, order, engines, Path(out))
            finish(session, report, crawled.source)
    return report


def _write(run: Run, order: Order, engines: Engines, folder: Path) -> None:
    """Seal shards and hand each over at once; the budget's end is noted in the report."""
    session, handed = run.session, Handed()
    pen, now = run.pen(None), session.clock.now
    writer = Writer(session.ledger, order, pen, now, run.watcher.prepared)
    try:
        run.settle(order, engines)
        hand_over(session.desk, order.spec, folder, handed)
        for row in writer.write(engines, lambda image: locate(run.source, image)):
            hand_over(session.desk, order.spec, folder, handed, row)
    except OverBudget as error:
        run.report.fail(error)
    finally:
        run.report.files, run.report.requests = len(handed.files), handed.requests


def merge(config: Config, files: Sequence[str | Path], *, say: Say = lambda _text: None) -> Report:
    """Take the answers in output and error files, from wherever they come.

    Raises:
        CaptionmillError: see the error tree.
    """
    with (
        told(wiring.notice(config), "collect --from", say) as report,
        open_session(config, "collect --from", say, offline=True) as session,
        recorded(session, report),
    ):
        found, tally = Collected(), Tally()
        for path in files:
            merge_file(session.desk, Path(path), _origin(session), found)
        tally.settled, tally.outcomes = found.batches, found.outcomes
        tally.prompt_tokens = found.prompt_tokens
        tally.completion_tokens = found.completion_tokens
        tally.problems, tally.error = found.problems, found.error
        report.add_tally(tally)
        finish(session, report)
    return report


def _origin(session: Session) -> Origin:
    """The configured model and its prices, for answers that were not asked for here."""
    identity = session.identity
    wished = wishes.wish(
        session.config,
        local=identity.local,
        account=identity.account,
        now=session.clock.now(),
    )
    return Origin(wished.request.model, wished.sheet.to_text() if wished.sheet else None)


def take_back(config: Config, say: Say) -> int:
    """Give back what is out in files and not answered, so that the next run sends it; gives the
    number of requests.

    Raises:
        UsageError: there is no workspace.
    """
    with open_session(config, "cancel --files", say, offline=True, existing=True) as session:
        return give_back(session.desk)
