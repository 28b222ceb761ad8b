"""`captionmill help`: topics to read on, and the help of commands."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.completion import completed_by

_TOPICS = Path(__file__).with_name("topics")


@click.command("help")
@click.argument("topic", required=False, shell_complete=completed_by(lambda: topics()))
@click.pass_context
def help(context: click.Context, topic: str | None) -> None:
    """Read on: start, inputs, outputs, budget, service, nights ...

    The name of a command shows that command's help.
    """
    root = context.find_root()
    if topic is None:
        click.echo(root.get_help())
        words = f"Topics of 'captionmill help TOPIC': {', '.join(topics())}"
        click.echo("\n" + click.wrap_text(words, subsequent_indent="  "))
    elif topic in topics():
        click.echo(topic_text(topic))
    else:
        click.echo(_command_help(root, topic))


def topics() -> list[str]:
    """Names of the topics."""
    return sorted(path.stem for path in _TOPICS.glob("*.txt"))


def topic_text(topic: str) -> str:
    """Text of a topic, at most 80 columns wide."""
    text = (_TOPICS / f"{topic}.txt").read_text("utf-8").rstrip()
    return text.replace("{outcomes}", _outcomes()) if "{outcomes}" in text else text


def _outcomes() -> str:
    from pipeline.core.outcomes import OUTCOMES

    return "\n".join(f"  {one.name:<13}{one.words}" for one in OUTCOMES)


def _command_help(root: click.Context, name: str) -> str:
    group = root.command
    assert isinstance(group, click.Group)
    command = group.get_command(root, name)
    if command is None:
        raise click.UsageError(
            f"there is no topic or command {name!r}; topics: {', '.join(topics())}", root
        )
    with click.Context(command, parent=root, info_name=name) as context:
        return command.get_help(context)
