"""captionmill recaption"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.core.words import counted
from pipeline.errors import EXIT_DONE, about

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("recaption")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--note", default="", metavar="TEXT", help="Why; for your record, it is not sent.")
@configured()
@about("review")
def recaption(paths: tuple[str, ...], note: str, config: Config) -> int:
    """Mark images for another go; PATH is an image or a folder.

    The next run quotes and sends them, and its captions replace those of before; what a person
    wrote stays in force.
    """
    from pipeline.commands.review_sheet import recaption

    count, next_run = recaption(config, paths, note)
    console.out(f"{counted(count, 'image')} marked. {next_run}")
    return EXIT_DONE
