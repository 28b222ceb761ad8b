"""captionmill sources"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict

from pipeline.cli import console
from pipeline.cli.options import configured, json_option
from pipeline.core.words import counted
from pipeline.errors import about

if TYPE_CHECKING:
    from pipeline.config import Config


@click.group("sources", invoke_without_command=True)
@json_option
@configured()
@click.pass_context
def sources(context: click.Context, as_json: bool, config: Config) -> int:
    """List the sources of a workspace: where they are, how many images, when last seen."""
    if context.invoked_subcommand is not None:
        _refuse_options(context, context.invoked_subcommand)
        return 0
    from pipeline.commands.sources import sources

    known = sources(config)
    if as_json:
        console.out(json.dumps([asdict(source) for source in known]))
        return 0
    for source in known:
        seen = "-"
        if source.seen_at is not None:
            seen = datetime.fromtimestamp(source.seen_at, UTC).strftime("%Y-%m-%d %H:%M")
        images = f"{counted(source.images, 'image')}, {counted(source.rows, 'row')}"
        console.out(f"{source.name}  {source.kind}  {images}  seen {seen}  {source.location}")
    return 0


def _refuse_options(context: click.Context, command: str) -> None:
    """Refuse options before the name of a command: it would not see them, nor their workspace."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"write {parameter.opts[0]} behind {command!r}, not before it")


@sources.command("forget")
@click.argument("name")
@configured()
@about("inputs")
def forget(name: str, config: Config) -> int:
    """Take the rows of a source out of the table; what was paid for stays paid for."""
    from pipeline.commands.sources import forget_source

    rows = forget_source(config, name, console.say)
    console.out(f"{name} is forgotten: the table has {counted(rows, 'row')}")
    return 0


@sources.command("moved")
@click.argument("old")
@click.argument("new")
@configured()
@about("inputs")
def moved(old: str, new: str, config: Config) -> int:
    """Join the source OLD with NEW, a source or its new path or address: a moved folder is one."""
    from pipeline.commands.sources import move_source

    rows = move_source(config, old, new, console.say)
    console.out(f"{old} is {new} now: the table has {counted(rows, 'row')}")
    return 0
