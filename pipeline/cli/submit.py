"""captionmill submit"""

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


@click.command("submit")
@source_arguments
@accept_lost_option
@yes_option
@json_option
@configured(sending=True)
def submit(
    data: tuple[str, ...],
    manifest: tuple[str, ...],
    accept_lost: bool,
    yes: bool,
    as_json: bool,
    config: Config,
) -> int:
    """Prepare and submit what is new in DATA or a --manifest, then return.

    'captionmill collect' fetches the answers later.
    """
    from pipeline.commands.submit import submit

    with progress_bars() as bars:
        report = submit(
            config,
            data,
            manifest=manifest,
            accept_lost=accept_lost,
            confirm=console.price_confirm(yes),
            say=console.say,
            progress=bars,
        )
    return show(report, as_json)
