"""`captionmill completion`: the script that completes command lines in a shell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VARIABLE = "_CAPTIONMILL_COMPLETE"
"""Environment variable by which the script asks for completions."""

_INTO = {
    "bash": 'eval "$(captionmill completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(captionmill completion zsh)" in ~/.zshrc',
    "fish": "captionmill completion fish > ~/.config/fish/completions/captionmill.fish",
}


@click.command(epilog="\b\n" + "\n".join(_INTO.values()))
@click.argument("shell", type=click.Choice(list(_INTO)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion of a shell: bash, zsh or fish."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "captionmill", VARIABLE).source())


def completed_by(
    words: Callable[[], Iterable[str]], *, paths: bool = False
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Completion of a value by these words, and by paths where it may be one."""

    def complete_value(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        del context, parameter
        items = [CompletionItem(word) for word in words() if word.startswith(incomplete)]
        return items or ([CompletionItem(incomplete, type="file")] if paths else [])

    return complete_value


def complete(root: click.Command, instruction: str) -> int:
    """Answer the script, as `VARIABLE` instructs ("bash_complete"); an exit code."""
    from click.shell_completion import shell_complete

    return shell_complete(root, {}, "captionmill", VARIABLE, instruction)
