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
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a copy to this file; the workspace's own table stays as it is.",
)
@click.option("--source", metavar="NAME", help="With --out: the rows of this source alone.")
@configured()
def export(charges: Path | None, out: Path | None, source: str | None, config: Config) -> int:
    """Write the table anew from the ledger.

    With --charges, write another table instead: each answer that was ever paid for, also of
    images and prompts that have changed since. Its SUM(charged_cost) is the whole bill.
    """
    from pipeline.commands.export import export_charges, export_copy, export_table

    if charges and (out or source):
        raise click.UsageError("--charges writes a table of its own: leave --out and --source out")
    if source and not out:
        raise click.UsageError("--source needs --out FILE: the workspace's table has all sources")
    if charges:
        written = export_charges(config, charges, console.say)
    elif out:
        written = export_copy(config, out, console.say, source=source)
    else:
        written = export_table(config, console.say)
    console.out(f"{counted(written.rows, 'row')}, {written.bytes:,} bytes, sha256 {written.sha256}")
    return 0
