"""captionmill init"""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import console
from pipeline.errors import EXIT_DONE

DEFAULT = "captionmill.toml"


@click.command("init")
@click.argument("path", default=DEFAULT, type=click.Path(path_type=Path))
@click.option(
    "--data", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder of the images; the one where you are otherwise.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(path: Path, data: Path | None, force: bool) -> int:
    """Write a configuration for a folder to PATH (captionmill.toml), with the price of a start.

    PATH may be the folder of the images: then captionmill.toml is written here.

    It is commented, and made after counting the images and looking for the key. Nothing is sent.
    Commands read it only where --config PATH names it.
    """
    from pipeline.commands.init import init

    if data is None and path.is_dir():
        path, data = Path(DEFAULT), path
    for sentence in init(path, data or Path(), force=force).sentences:
        console.out(sentence)
    return EXIT_DONE
