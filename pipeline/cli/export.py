"""captionmill export"""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.config import Config
from pipeline.core.words import counted


@click.command("export")
@click.option(
    "--charges",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all that was ever paid for to this Parquet file, one row an answer.",
)
@configured()
def export(charges: Path | None, config: Config) -> int:
    """Write the table anew from the ledger.

    With --charges, write another table instead: each answer that was ever paid for, also of
    images and prompts that have changed since. Its SUM(charged_cost) is the whole bill.
    """
    from pipeline.commands.export import export_charges, export_table

    if charges:
        written = export_charges(config, charges, console.say)
    else:
        written = export_table(config, console.say)
    console.out(f"{counted(written.rows, 'row')}, {written.bytes:,} bytes, sha256 {written.sha256}")
    return 0
