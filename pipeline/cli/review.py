"""captionmill review"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.core.words import counted
from pipeline.errors import EXIT_DONE, NeedsPerson, about

if TYPE_CHECKING:
    from pipeline.config import Config

_SHEET = click.Path(dir_okay=False, path_type=Path)


@click.command("review")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port on 127.0.0.1; else a free one.")
@click.option("--no-browser", is_flag=True, help="Open no browser, say the address.")
@click.option("--read-only", is_flag=True, help="Show only; nothing is written at all.")
@click.option("--reviewer", metavar="NAME", help="Who decides, for the table.")
@click.option(
    "--export", "export", type=_SHEET, metavar="FILE", help="Write a sheet instead: .csv or .jsonl."
)
@click.option(
    "--import", "sheet", type=_SHEET, metavar="FILE", help="Take back a sheet that was edited."
)
@click.option("--import-sidecars", is_flag=True, help="Take back texts beside the images.")
@configured()
@about("review")
def review(
    port: int | None,
    no_browser: bool,
    read_only: bool,
    reviewer: str | None,
    export: Path | None,
    sheet: Path | None,
    import_sidecars: bool,
    config: Config,
) -> int:
    """Look at the captions, judge and correct them, on a page of this machine.

    Opens a page on 127.0.0.1 over the workspace, while runs may go on beside it. Decisions are
    kept in the workspace and never touch what was paid for.

    Without the page: --export writes a sheet, --import takes it back when it was edited. What was
    changed on both sides is shown and left as it is (exit 5).
    """
    from pipeline.commands import review_sheet
    from pipeline.commands.review import ReviewOptions, review

    if reviewer:
        reviewed = config.review.model_copy(update={"reviewer": reviewer})
        config = config.model_copy(update={"review": reviewed})
    if export:
        count = review_sheet.export_sheet(config, export)
        console.out(f"{counted(count, 'image')} in {console.from_here(str(export))}")
        return EXIT_DONE
    if sheet:
        imported = review_sheet.import_sheet(config, sheet)
        return _show(len(imported.judgements), imported.unchanged, imported.conflicts)
    if import_sidecars:
        imported = review_sheet.import_sidecars(config)
        return _show(len(imported.judgements), imported.unchanged, imported.conflicts)
    review(config, ReviewOptions(port, not no_browser, read_only), console.say)
    return EXIT_DONE


def _show(decisions: int, unchanged: int, conflicts: list[str]) -> int:
    for text in conflicts:
        console.say(f"left as it is: {text}")
    taken = counted(decisions, "decision")
    console.out(f"{taken} taken in, {unchanged:,} unchanged, {len(conflicts):,} in conflict")
    return NeedsPerson.exit_code if conflicts else EXIT_DONE
