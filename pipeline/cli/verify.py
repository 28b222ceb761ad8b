"""captionmill verify"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.cli.progress import progress_words
from pipeline.errors import EXIT_DONE, BooksError

if TYPE_CHECKING:
    from pipeline.config import Config


@click.command("verify")
@click.option("--originals", is_flag=True, help="Read all images too: are they what was captioned?")
@configured()
def verify(originals: bool, config: Config) -> int:
    """Check files and answers against the ledger, the table's checksums and the books' sums.

    Says in one line whether all is well, else what is wrong; changes nothing. With --originals
    it finds rows that are stale: files that were replaced, also with the same size and time.
    """
    from pipeline.commands.verify import verify

    with progress_words("comparing the ledger with itself") as at:
        verdict = verify(config, originals=originals, at=at)
    console.out(verdict.line)
    for text in verdict.findings:
        console.out(f"- {text}")
    for text in verdict.notes:
        console.out(f"note: {text}")
    return BooksError.exit_code if verdict.findings else EXIT_DONE
