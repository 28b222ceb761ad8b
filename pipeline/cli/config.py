"""captionmill config"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("config")
@configured(sending=True)
def config(config: Config) -> int:
    """Show the effective configuration as TOML, with every option applied."""
    console.out(config.to_toml().rstrip("\n"))
    return 0
