"""captionmill cancel"""

from __future__ import annotations

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.config import Config


@click.command("cancel")
@configured()
def command(config: Config) -> int:
    """Cancel what is under way at the service.

    What was finished is paid for and is fetched by 'captionmill collect'; the rest is free.
    """
    from pipeline.tending import cancel

    count = cancel(config, console.say)
    click.echo(
        f"{count} batch(es) asked to cancel; fetch what they finished with 'captionmill collect'"
    )
    return 0
