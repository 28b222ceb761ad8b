"""captionmill export"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli import console
from pipeline.cli.options import configured
from pipeline.core.export_kinds import EXPORT_KINDS
from pipeline.core.words import counted
from pipeline.errors import BooksError, about

if TYPE_CHECKING:
    from pipeline.config import Config

F = TypeVar("F", bound=Callable[..., Any])

_FOR_OTHERS = (
    click.option("--outcome", "outcomes", multiple=True, help="Only rows of this outcome."),
    click.option(
        "--review",
        "reviews",
        multiple=True,
        help="Only rows so reviewed: accepted, edited, rejected, or null for none.",
    ),
    click.option("--where", metavar="CONDITION", help="Only rows of which this holds."),
    click.option("--fields", metavar="NEW=OLD,...", help="Columns to export, under these names."),
    click.option(
        "--split",
        metavar="NAME=SHARE,...",
        help="Splits, e.g. train=90,test=10; duplicates stay together.",
    ),
    click.option(
        "--pictures",
        type=click.Choice(["sent", "originals", "none"]),
        default="sent",
        help="Pictures that go along: as they were sent, as they are, or none.",
    ),
    click.option(
        "--keep-metadata", is_flag=True, help="Leave EXIF, GPS and the like in originals."
    ),
    click.option(
        "--shard-rows",
        type=click.IntRange(10, 100_000),
        default=1_000,
        metavar="N",
        help="Rows of a shard, about; parts whose rows did not change are not made again.",
    ),
    click.option("--parquet", is_flag=True, help="hf: Parquet with the pictures inside."),
    click.option("--croissant", is_flag=True, help="hf: a description for programs beside it."),
    click.option("--partition-by", metavar="COLUMN", help="parquet: folders by this column."),
    click.option(
        "--suffix", metavar=".EXT", help="sidecars: .txt, .caption, ...; xmp: .xmp is photo.xmp."
    ),
    click.option("--replace-texts", is_flag=True, help="xmp: descriptions of others are replaced."),
    click.option("--template", metavar="TEXT", help="sidecars: text with {fields} in braces."),
    click.option("--json", "as_json", is_flag=True, help="sidecars: all fields as JSON."),
    click.option("--push", metavar="USER/NAME", help="Upload it as a private data set of the Hub."),
    click.option("--public", is_flag=True, help="--push: everybody may see it."),
    click.option("--yes", is_flag=True, help="--push: do not ask."),
    click.option("--license", default="unknown", metavar="ID", help="License in the card."),
)


class FormatName(click.Choice[str]):
    """Name of a format: one of ours, or one that another package adds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See click."""
        from pipeline.system.plugins import FORMATS, plugins

        return value if value in plugins(FORMATS) else super().convert(value, param, ctx)


def _for_others(command: F) -> F:
    for option in reversed(_FOR_OTHERS):
        command = option(command)
    return command


@click.command("export")
@click.option(
    "--to", "name", type=FormatName(tuple(EXPORT_KINDS)), help="Format of another program."
)
@click.argument("target", type=click.Path(), required=False)
@click.option(
    "--charges",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write all that was ever paid for to this Parquet file, one row an answer.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write a copy to this file; the workspace's own table stays as it is.",
)
@click.option("--source", metavar="NAME", help="With --to or --out: this source's rows alone.")
@_for_others
@configured()
@about("outputs")
def export(
    name: str | None,
    target: str | None,
    charges: str | None,
    out: str | None,
    source: str | None,
    config: Config,
    **options: Any,
) -> int:
    """Write the table anew from the ledger, or captions for other programs.

    With --to, write captions to TARGET, in most formats with their pictures: hf is a data set of
    Hugging Face, xmp is merged into the sidecars of a photo library. An export of pictures that was
    killed goes on, and the next one makes only what changed.

    With --charges, write another table instead: each answer that was ever paid for, also of
    images and prompts that have changed since. Its SUM(charged_cost) is the whole bill.
    """
    from pipeline.commands.export import export_charges, export_copy, export_table

    _check_places(name, target, charges, out, source)
    if name and target:
        return _export_to(config, name, target, {**options, "source": source})
    if charges:
        written = export_charges(config, charges, console.say)
    elif out:
        written = export_copy(config, out, console.say, source=source)
    else:
        written = export_table(config, console.say)
    console.out(f"{counted(written.rows, 'row')}, {written.bytes:,} bytes, sha256 {written.sha256}")
    stored = next((text for text in (charges, out) if text and "://" in text), "")
    console.out(stored or console.from_here(str(written.path)))
    return 0


def _check_places(
    name: str | None,
    target: str | None,
    charges: str | None,
    out: str | None,
    source: str | None,
) -> None:
    if "" in (target, charges, out):
        raise click.UsageError("an empty name is no file: name one")
    if (name is None) != (target is None):
        raise click.UsageError("--to FORMAT and TARGET go together, e.g. --to hf ./dataset")
    if sum(map(bool, (name, charges, out))) > 1:
        raise click.UsageError("--to, --charges and --out write tables of their own: name one")
    if source and not (out or name):
        raise click.UsageError(
            "--source needs --to or --out: the workspace's table has all sources"
        )


def _export_to(config: Config, name: str, target: str, options: dict[str, Any]) -> int:
    from pipeline.commands.export_formats import ExportOptions
    from pipeline.commands.export_push import Push
    from pipeline.commands.export_to import export_for, summary

    repository, public, yes = (options.pop(option) for option in ("push", "public", "yes"))
    if repository and "://" in target:
        raise click.UsageError("--push uploads a folder of this machine: name one")
    push = Push.prepare(name, repository, public=public) if repository else None
    with console.counting("exported") as bar:
        done = export_for(config, name, target, ExportOptions(**options), console.say, bar)
    for line in summary(done, target):
        console.out(line)
    if push is not None:
        confirm = (lambda _question: True) if yes else console.confirm
        console.out(push.upload(Path(target), done, confirm, console.say))
    return BooksError.exit_code if done.without_picture or done.failed else 0
