"""captionmill export"""

from __future__ import annotations

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.config import Config


@click.command("export")
@configured()
def command(config: Config) -> int:
    """Write the table anew from the ledger."""
    from pipeline.tending import export_table

    written = export_table(config, console.say)
    click.echo(f"{written.rows:,} rows, {written.bytes:,} bytes, sha256 {written.sha256}")
    return 0
