"""captionmill report"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.errors import EXIT_DONE, about

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("report")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    metavar="FILE",
    help="Where the page goes.",
)
@configured()
@about("outputs")
def report(out: Path, config: Config) -> int:
    """Write a page about the workspace that can be mailed: one file, without a script.

    Outcomes, money by day and model, sizes and tokens, reviews, the findings of the audit with
    their pictures, and a sample. Asks nobody.
    """
    from pipeline.commands.report import write_report

    write_report(config, out)
    console.out(f"report      {console.from_here(str(out))}")
    return EXIT_DONE
