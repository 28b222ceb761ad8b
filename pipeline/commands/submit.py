"""Submitting: a run up to the create calls, without waiting for answers."""

from __future__ import annotations

from pipeline.commands.run import run
from pipeline.config import Config
from pipeline.records import Say
from pipeline.session.confirm import Confirm
from pipeline.session.report import Report
from pipeline.sources.named_places import Named
from pipeline.stages.values import Progress


def submit(
    config: Config | str,
    data: Named = None,
    *,
    manifest: Named = None,
    accept_lost: bool = False,
    confirm: Confirm = lambda _question: False,
    say: Say = lambda _text: None,
    progress: Progress | None = None,
) -> Report:
    """Prepare and submit what is new, then return; `collect` fetches the answers."""
    return run(
        config,
        data,
        manifest=manifest,
        accept_lost=accept_lost,
        wait=False,
        confirm=confirm,
        say=say,
        progress=progress,
    )
