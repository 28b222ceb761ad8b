"""captionmill resolve"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("resolve")
@click.argument(
    "decision",
    metavar="DECISION",
    type=click.Choice(
        ["unfreeze", "create-again", "write-off", "twin", "new-identity", "review", "seen"]
    ),
)
@configured()
def resolve(decision: str, config: Config) -> int:
    """Decide what only a person can.

    unfreeze: go on submitting after a line cost more than was reserved.
    create-again: you have looked at the service, lost create calls had no effect.
    write-off: the service has no more answers of a batch that is gone or incomplete: what it did
    not answer counts as missing and as spent, and is not sent again by itself.
    twin: another copy of this workspace was at work; it is stopped for good, this one goes on.
    new-identity: both copies go on, and this one becomes a workspace of its own.
    review: what people decided has changed since it was written, as 'captionmill verify' says, and
    there is no copy: it holds as it is now.
    seen: the incidents that 'captionmill status' shows are known.
    """
    from pipeline.commands.resolve import resolve

    for text in resolve(config, decision, console.say):  # type: ignore[arg-type]
        console.out(text)
    return 0
