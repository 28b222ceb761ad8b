"""captionmill retry"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.core.words import counted
from pipeline.errors import about

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("retry")
@click.option("--outcome", required=True, metavar="A,B", help="e.g. length,expired,failed")
@configured()
@about("outcomes")
def retry(outcome: str, config: Config) -> int:
    """Let images with some outcomes go again with the next run.

    Answers that were paid for stay paid for and are kept; a new attempt is a new payment.
    """
    from pipeline.commands.retry import retry

    names = [name.strip() for name in outcome.split(",") if name.strip()]
    count = retry(config, names, console.say)
    verb = "goes" if count == 1 else "go"
    console.out(f"{counted(count, 'image')} {verb} again with the next run")
    return 0
