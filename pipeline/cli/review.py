"""captionmill review"""

from __future__ import annotations

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.config import Config


@click.command("review")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port on 127.0.0.1; else a free one.")
@click.option("--no-browser", is_flag=True, help="Open no browser, say the address.")
@click.option("--read-only", is_flag=True, help="Show only; nothing is written at all.")
@configured()
def review(port: int | None, no_browser: bool, read_only: bool, config: Config) -> int:
    """Look at the captions, judge and correct them, on a page of this machine.

    Opens a page on 127.0.0.1 over the workspace, while runs may go on beside it. Decisions are
    kept in the workspace and never touch what was paid for.
    """
    from pipeline.commands.review import ReviewOptions, review

    review(config, ReviewOptions(port, not no_browser, read_only), console.say)
    return 0
