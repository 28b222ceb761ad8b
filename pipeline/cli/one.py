"""captionmill one"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option, stream_option
from pipeline.cli.reporting import with_topic
from pipeline.commands.one import OneCaption
from pipeline.core.pricing import format_usd
from pipeline.core.words import counted
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.config import Config

# what only makes sense for a workspace
_WITHOUT = ("--workspace", "--budget", "--budget-day", "--budget-month", "--path-column")


@click.command("one")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE_OR_URL...")
@stream_option
@json_option
@configured(sending=True, without=_WITHOUT)
def one(images: tuple[str, ...], stream: bool, as_json: bool, config: Config) -> int:
    """Caption single images at once: files, http(s) addresses, or - for standard input.

    Addresses are passed on to the service; with --fetch they are downloaded here first. This is
    outside of any workspace: nothing is remembered, so an image asked twice is paid for twice, and
    --budget-run is the only cap. To keep books use
    captionmill run IMAGE --provider openai_online.
    """
    from pipeline.commands.one import caption_each, stream_caption

    if images.count("-") > 1:
        raise UsageError("standard input can be read once: give '-' one time")
    loaded = [sys.stdin.buffer.read() if image == "-" else image for image in images]
    if stream and (as_json or len(loaded) > 1):
        raise UsageError("--stream takes one image, and no --json")
    if stream:
        pieces = stream_caption(loaded[0], config, say=console.say)
        for piece in pieces:
            click.echo(console.printable(piece), nl=False)
        click.echo()
        assert pieces.result is not None
        return _end([pieces.result])
    captions = []
    for one in caption_each(loaded, config, say=console.say):
        captions.append(one)
        _show(one, as_json=as_json, named=len(loaded) > 1)
    return _end(captions)


def _show(one: OneCaption, *, as_json: bool, named: bool) -> None:
    if as_json:
        click.echo(json.dumps(one.as_dict()))
    elif one.caption is not None:
        head = f"{one.image}: " if named else ""
        click.echo(console.printable(f"{head}{one.caption}"))
        for name, value in one.fields.items():
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            click.echo(console.printable(f"  {name}: {shown}"))


def _end(captions: list[OneCaption]) -> int:
    """Errors, then what it took; gives the exit code."""
    for one in captions:
        if one.error is not None:
            console.say(f"captionmill: {with_topic(one.error)}")
    answered = [one for one in captions if one.usage is not None or one.cost_nano is None]
    if answered:
        console.say(_sum(answered))
    return next((one.error.exit_code for one in captions if one.error is not None), 0)


def _sum(answered: list[OneCaption]) -> str:
    """Tokens and cost in a line; an unknown cost is given by its bound."""
    prompt = sum(one.usage.prompt for one in answered if one.usage)
    completion = sum(one.usage.completion for one in answered if one.usage)
    tokens = f"{prompt:,} + {completion:,} tokens" if prompt or completion else ""
    model = ", ".join(dict.fromkeys(one.model for one in answered if one.model))
    head = f"{model}: " if model else ""
    silent = [one for one in answered if one.usage is None]
    if silent:
        bounds = [one.max_cost_nano if one.cost_nano is None else one.cost_nano for one in answered]
        known = [bound for bound in bounds if bound is not None]
        most = f", at most {format_usd(sum(known))}" if len(known) == len(bounds) else ""
        missing = f"{counted(len(silent), 'answer')} without usage"
        return f"{head}{', '.join(filter(None, (tokens, missing)))}: cost unknown{most}"
    if any(one.cost_nano is None for one in answered):
        return f"{head}{tokens}, price unknown"
    money = format_usd(sum(one.cost_nano or 0 for one in answered))
    return f"{head}{tokens}, {'free' if answered[0].local else money}"
