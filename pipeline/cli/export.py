"""captionmill export"""

from __future__ import annotations

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.config import Config
from pipeline.core.words import counted


@click.command("export")
@configured()
def command(config: Config) -> int:
    """Write the table anew from the ledger."""
    from pipeline.tending import export_table

    written = export_table(config, console.say)
    console.out(f"{counted(written.rows, 'row')}, {written.bytes:,} bytes, sha256 {written.sha256}")
    return 0
