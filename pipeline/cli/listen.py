"""captionmill listen"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("listen")
@configured()
def listen(config: Config) -> int:
    """Wait for the service's webhooks, and collect when a batch is over.

    Listens on 127.0.0.1:8787 ([listen] host and port); a proxy or tunnel brings the service's
    webhooks there. The secret that signs them is in OPENAI_WEBHOOK_SECRET or [listen] secret_file.
    Runs until Ctrl-C.
    """
    from pipeline.commands.listen import listen

    listen(config, console.say)
    return 0
