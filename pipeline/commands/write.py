"""Writing of requests as files that can be run anywhere; `collect_files` takes the answers.

No service is called and no key is needed. What was handed out counts as sent: it is live, its
money is reserved, and no run sends it again until it is answered or taken back.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.config import Config, as_config
from pipeline.errors import OverBudget, UsageError
from pipeline.records import Say
from pipeline.session.budget import say_caps
from pipeline.session.finish import finish
from pipeline.session.inputs import open_data
from pipeline.session.record import notified, recorded
from pipeline.session.report import Report
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.session.source_run import SourceRun
from pipeline.sources import named_places
from pipeline.sources.named_places import Named
from pipeline.stages.files.hand_out import HandOut, hand_out
from pipeline.stages.values import CaptionTask, Engines, NoProgress, Progress
from pipeline.stages.write import Writer


def write(
    config: Config,
    data: Named,
    out: str | Path,
    *,
    manifest: Named = None,
    accept_lost: bool = False,
    say: Say = lambda _text: None,
    progress: Progress | None = None,
) -> Report:
    """Prepare what is new and write its requests to `out` as JSONL files, KEY.jsonl each.

    Raises:
        CaptionmillError: see the error tree.
    """
    with notified(as_config(config).notify, "write", say) as report:
        if not str(out):
            raise UsageError("an empty name is no folder for requests: name one")
        places = named_places(data, manifest)
        settings = RunSettings.of(config).taking_losses(accept_lost).over(places)
        inputs, settings = open_data(settings, places, offline=True)
        with (
            open_session(settings, "write", say, offline=True) as session,
            recorded(session, report),
        ):
            settings.output.refuse_own(session.workspace, Path(out))
            # whoever runs the files pays for them: no price is confirmed here
            run = SourceRun(
                session, inputs, report, lambda _question: True, progress or NoProgress()
            )
            say_caps(session)
            with run.engines() as engines:
                crawled = run.crawl(engines.sparing.begin)
                task = run.task(crawled)
                run.recheck(task, engines, crawled)
                run.confirm_price(task)
                _write(run, task, engines, Path(out))
            report.limited = run.limit.withheld
            finish(session, report, crawled.sources)
    return report


def _write(run: SourceRun, task: CaptionTask, engines: Engines, folder: Path) -> None:
    """Seal shards and hand each out at once; the budget's end is noted in the report."""
    session, handed_out = run.session, HandOut()
    shard_options, now = run.shard_options(None), session.clock.now
    writer = Writer(session.ledger, task, shard_options, now, run.progress.prepared)
    try:
        run.prepare(task, engines)
        hand_out(session.context, task.spec, folder, handed_out)
        for row in writer.write(engines, run.locate):
            hand_out(session.context, task.spec, folder, handed_out, row)
    except OverBudget as error:
        run.report.fail(error)
    finally:
        run.report.files, run.report.requests = len(handed_out.files), handed_out.requests
