"""captionmill write"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import accept_lost_option, configured, json_option, source_arguments
from pipeline.cli.progress import progress_bars
from pipeline.cli.reporting import show

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("write")
@source_arguments
@accept_lost_option
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder for them.")
@json_option
@configured(sending=True)
def write(
    data: tuple[str, ...],
    manifest: tuple[str, ...],
    accept_lost: bool,
    out: str,
    as_json: bool,
    config: Config,
) -> int:
    """Write the requests for what is new in DATA or a --manifest as JSONL files.

    Run them anywhere, e.g. 'vllm run-batch -i FILE -o OUTPUT --model MODEL', and bring the answers
    back with 'captionmill collect --from OUTPUT'. No key is needed and nothing is sent; until they
    are answered or given back ('captionmill cancel --files') no run sends these requests.
    """
    from pipeline.commands.write import write

    with progress_bars() as bars:
        report = write(
            config,
            data,
            out,
            manifest=manifest,
            accept_lost=accept_lost,
            say=console.say,
            progress=bars,
        )
    return show(report, as_json)
