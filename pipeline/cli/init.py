"""captionmill init"""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import console
from pipeline.errors import EXIT_DONE


@click.command("init")
@click.argument("path", default="captionmill.toml", type=click.Path(path_type=Path))
@click.option(
    "--data", default=".", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder of the images; the one where you are otherwise.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(path: Path, data: Path, force: bool) -> int:
    """Write a configuration for a folder to PATH (captionmill.toml), with the price of a start.

    It is commented, and made after counting the images and looking for the key. Nothing is sent.
    Commands read it only where --config PATH names it.
    """
    from pipeline.commands.init import init

    for sentence in init(path, data, force=force).sentences:
        console.out(sentence)
    return EXIT_DONE
