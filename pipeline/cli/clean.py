"""captionmill clean"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.core.words import counted
from pipeline.errors import EXIT_DONE, ServiceError

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("clean")
@configured()
def clean(config: Config) -> int:
    """Remove files that are no longer needed, here and at the service, orphans too."""
    from pipeline.commands.clean import clean_up

    done = clean_up(config, console.say)
    for text in done.problems:
        console.say(text)
    console.out(f"removed {counted(done.remote, 'file')} at the service, {done.local:,} here")
    before, after = done.review_bytes
    if before:
        console.out(f"index and pictures of the review: {before:,} bytes before, {after:,} after")
    return ServiceError.exit_code if done.problems else EXIT_DONE
