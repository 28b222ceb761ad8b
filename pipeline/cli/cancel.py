"""captionmill cancel"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.core.words import counted

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("cancel")
@click.option("--files", is_flag=True, help="What is out in files, not what is at the service.")
@configured()
def cancel(files: bool, config: Config) -> int:
    """Cancel what is under way at the service.

    What was finished is paid for and is fetched by 'captionmill collect'; the rest is free.
    With --files, takes back the requests of 'captionmill write' that are not answered.
    """
    if files:
        from pipeline.commands.cancel import cancel_files

        count = cancel_files(config, console.say)
        console.out(f"{counted(count, 'request')} taken back for the next run")
        return 0
    from pipeline.commands.cancel import cancel

    count = cancel(config, console.say)
    console.out(
        f"{counted(count, 'batch', 'batches')} asked to cancel; fetch what was finished with "
        "'captionmill collect'"
        if count
        else "nothing is under way at the service"
    )
    return 0
