"""captionmill dedupe"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured, source_arguments
from pipeline.core.words import counted

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("dedupe")
@source_arguments
@click.option("--distance", type=click.IntRange(0, 32), help="Bits of 128 that may differ.")
@configured(sending=True)
def dedupe(
    data: tuple[str, ...], manifest: tuple[str, ...], distance: int | None, config: Config
) -> int:
    """Find the new images of DATA or a --manifest that look alike. Sends nothing, decides nothing.

    To caption one image for each such group, set [images] near_duplicates.
    """
    from pipeline.commands.dedupe import find_alike

    duplicates = find_alike(config, data, manifest=manifest, distance=distance, say=console.say)
    for representative, group in groupby(duplicates, key=lambda one: one.representative):
        console.out(representative)
        for one in group:
            console.out(f"  {one.distance:>3}  {one.path}")
    console.out(f"{counted(len(duplicates), 'image')} would not be sent")
    return 0
