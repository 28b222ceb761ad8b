"""captionmill one"""

from __future__ import annotations

import json
import sys

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option, stream_option
from pipeline.commands.one import OneCaption
from pipeline.config import Config
from pipeline.core.pricing import format_usd
from pipeline.errors import UsageError

# what only makes sense for a workspace
_WITHOUT = ("--workspace", "--budget", "--budget-day", "--budget-month", "--path-column")


@click.command("one")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE_OR_URL...")
@stream_option
@json_option
@configured(sending=True, without=_WITHOUT)
def command(images: tuple[str, ...], stream: bool, as_json: bool, config: Config) -> int:
    """Caption single images at once: files, http(s) addresses, or - for standard input.

    Addresses are passed on to the service; with --fetch they are downloaded here first. This is
    outside of any workspace: nothing is remembered, so an image asked twice is paid for twice, and
    --budget-run is the only cap. To keep books use
    captionmill run IMAGE --provider openai_online.
    """
    from pipeline.commands.one import caption_each, stream_caption

    if images.count("-") > 1:
        raise UsageError("standard input can be read once: give '-' one time")
    given = [sys.stdin.buffer.read() if image == "-" else image for image in images]
    if stream and (as_json or len(given) > 1):
        raise UsageError("--stream takes one image, and no --json")
    if stream:
        pieces = stream_caption(given[0], config, say=console.say)
        for piece in pieces:
            click.echo(console.printable(piece), nl=False)
        click.echo()
        assert pieces.result is not None
        return _end([pieces.result])
    found = []
    for one in caption_each(given, config, say=console.say):
        found.append(one)
        _show(one, as_json=as_json, named=len(given) > 1)
    return _end(found)


def _show(one: OneCaption, *, as_json: bool, named: bool) -> None:
    if as_json:
        click.echo(json.dumps(one.as_dict()))
    elif one.caption is not None:
        head = f"{one.image}: " if named else ""
        click.echo(console.printable(f"{head}{one.caption}"))
        for name, value in one.fields.items():
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            click.echo(console.printable(f"  {name}: {shown}"))


def _end(found: list[OneCaption]) -> int:
    """Errors, then what it took; gives the exit code."""
    for one in found:
        if one.error is not None:
            console.say(f"captionmill: {one.error}")
    asked = [one for one in found if one.usage is not None]
    if asked:
        console.say(_sum(asked))
    return next((one.error.exit_code for one in found if one.error is not None), 0)


def _sum(asked: list[OneCaption]) -> str:
    prompt = sum(one.usage.prompt for one in asked if one.usage)
    completion = sum(one.usage.completion for one in asked if one.usage)
    tokens = f"{prompt:,} + {completion:,} tokens"
    model = ", ".join(dict.fromkeys(one.model for one in asked))
    if any(one.cost is None for one in asked):
        return f"{model}: {tokens}, price unknown"
    money = format_usd(sum(one.cost or 0 for one in asked))
    return f"{model}: {tokens}, {'free' if asked[0].local else money}"
