"""captionmill rebuild"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.cli.progress import progress_words
from pipeline.core.pricing import format_usd
from pipeline.core.words import counted
from pipeline.errors import about

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("rebuild")
@click.option(
    "--from", "mirror", metavar="ADDRESS", help="Mirror in object storage, on a new machine."
)
@configured()
@about("workspace")
def rebuild(config: Config, mirror: str | None) -> int:
    """Restore a lost ledger from shards, raw answers and the service's own list and files.

    Nothing is sent. The next run links the images to what is paid for and pays nothing again.
    """
    from pipeline.commands.rebuild import rebuild

    with progress_words("looking for batches") as at:
        result = rebuild(config, console.say, mirror=mirror, at=at)
    for text in result.problems:
        console.say(text)
    console.out(
        f"the ledger is back: {counted(result.batches, 'batch', 'batches')}, "
        f"{counted(result.answers, 'answer')}, {format_usd(result.settled)}"
    )
    if result.open or result.doubtful:
        console.out(
            f"{result.open} under way, {result.doubtful} in doubt: the next run sees to them"
        )
    return 0
