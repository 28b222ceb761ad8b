"""captionmill collect"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option
from pipeline.cli.reporting import show

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("collect")
@click.option(
    "--from", "first", type=click.Path(), multiple=True, metavar="FILE...", help="Answers in files."
)
@click.argument("more", nargs=-1, type=click.Path())
@json_option
@configured()
def collect(first: tuple[str, ...], more: tuple[str, ...], as_json: bool, config: Config) -> int:
    """Fetch what is finished of everything under way, make the table anew, return.

    With --from, asks no service: takes the answers in output and error files of requests that
    'captionmill write' wrote. Several files may follow.
    """
    if more and not first:
        raise click.UsageError(f"name files with --from: captionmill collect --from {more[0]}")
    if not first:
        from pipeline.commands.collect import collect

        return show(collect(config, say=console.say), as_json)
    from pipeline.commands.collect import collect_files

    return show(collect_files(config, [*first, *more], say=console.say), as_json)
