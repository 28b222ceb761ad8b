"""captionmill run"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import (
    accept_lost_option,
    configured,
    json_option,
    source_arguments,
    yes_option,
)
from pipeline.cli.progress import progress_bars
from pipeline.cli.reporting import show

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("run")
@source_arguments
@accept_lost_option
@click.option("--wait/--no-wait", default=True, help="Stay until every answer is here.")
@yes_option
@json_option
@configured(sending=True)
def run(
    data: tuple[str, ...],
    manifest: tuple[str, ...],
    accept_lost: bool,
    wait: bool,
    yes: bool,
    as_json: bool,
    config: Config,
) -> int:
    """Caption DATA, a folder of images (or one image), or a --manifest.

    Waits until everything is answered; with --no-wait it does what can be done now and returns,
    which suits cron. Running it again goes on where it stopped and pays for nothing twice.
    """
    from pipeline.commands.run import run

    with progress_bars() as bars:
        report = run(
            config,
            data,
            manifest=manifest,
            accept_lost=accept_lost,
            wait=wait,
            confirm=console.price_confirm(yes),
            say=console.say,
            progress=bars,
        )
    return show(report, as_json)
