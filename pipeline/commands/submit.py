"""Submitting: a run up to the create calls, without waiting for answers."""

from __future__ import annotations

from pathlib import Path

from pipeline.commands.run import run
from pipeline.config import Config
from pipeline.records import Say
from pipeline.session.confirm import Confirm
from pipeline.session.report import Report
from pipeline.stages.values import Progress


def submit(
    config: Config | str,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
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
