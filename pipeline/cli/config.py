"""captionmill config"""

from __future__ import annotations

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.config import Config


@click.command("config")
@configured(sending=True)
def config(config: Config) -> int:
    """Show the effective configuration as TOML, with every option applied."""
    console.out(config.to_toml().rstrip("\n"))
    return 0
