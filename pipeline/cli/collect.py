"""captionmill collect"""

from __future__ import annotations

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option
from pipeline.cli.reporting import show
from pipeline.config import Config


@click.command("collect")
@json_option
@configured()
def command(as_json: bool, config: Config) -> int:
    """Fetch what is finished of everything under way, make the table anew, return."""
    from pipeline.job import collect

    return show(collect(config, say=console.say), as_json)
