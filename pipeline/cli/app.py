"""Command group. Commands are imported when they are called, so that --help stays quick."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pipeline.cli.completion import VARIABLE, complete
from pipeline.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    NOT_ON_WINDOWS,
    CaptionmillError,
    ConfigError,
    StorageError,
    UsageError,
)
from pipeline.system.failpoints import arm_from_environment
from pipeline.system.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name -> the first line of its help, in the order of `captionmill --help`
COMMANDS = {
    "run": "Caption a folder or manifest: all of it, waiting to the end.",
    "estimate": "What would it cost? Sends nothing.",
    "dedupe": "Which new images look alike? Sends nothing.",
    "init": "Write a configuration for a folder, with the price of a start.",
    "pilot": "Caption a small sample first: judge prompt and price.",
    "one": "Caption single images at once, outside of any batch.",
    "submit": "Prepare and submit what is new, then return.",
    "collect": "Fetch what is finished, then return.",
    "listen": "Wait for the service's webhooks, and collect.",
    "write": "Write the requests as files, to be run anywhere.",
    "status": "Batches under way, outcomes and money.",
    "spend": "Money spent by day, model, folder and the like.",
    "report": "Write a page about it all that can be mailed.",
    "sources": "List, forget or join the sources of a workspace.",
    "review": "Look at the captions, judge and correct them, on a page.",
    "audit": "What is remarkable about the captions, without a model.",
    "recaption": "Mark images for another go with the next run.",
    "export": "Write the table anew.",
    "retry": "Let images with some outcome go again.",
    "cancel": "Cancel what is under way, keep what was paid for.",
    "resolve": "Decide what only a person can: lost creates, frozen money.",
    "clean": "Remove files that are no longer needed, here and at the service.",
    "verify": "Check files, table and books against each other.",
    "rebuild": "Restore a lost ledger from files here and at the service.",
    "config": "Show the effective configuration.",
    "serve": "Run the built-in OpenAI-compatible server.",
    "help": "Read on: start, inputs, outputs, budget, service, nights ...",
    "completion": "Complete command lines in bash, zsh or fish.",
}
ALIASES = {"caption": "run"}


class Commands(click.Group):
    """Loads `pipeline.cli.NAME` for the command NAME."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands, in the order of a working day."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Command's own module."""
        del ctx
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"pipeline.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Command of a line; one that is mistyped is told from those there are."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], [*COMMANDS, *ALIASES], 1)
            if os.path.exists(args[0]):  # noqa: PTH110 (any bytes)
                close = [f"'captionmill run {args[0]}'"]
            if not close:
                raise
            raise click.UsageError(
                f"{error.message.rstrip('.')}: did you mean {close[0]}?"
            ) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name, without importing any."""
        del ctx
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=words)
            for name, words in COMMANDS.items()
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List of commands, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


_EXIT_CODES = """\
\b
Exit codes:
  0  done                           7  disk full or read-only
  2  wrong argument, file or key    8  the books do not agree
  3  pending at the service         9  the service cannot be reached
  4  over budget, pending          10  nothing due was captioned
  5  a person must decide          11  an audit found what it must not
  6  a line cost too much          70  a bug in captionmill
                                   75  another run holds the workspace
                                  130  interrupted
"""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EXIT_CODES,
)
@click.version_option(__version__, prog_name="captionmill")
def cli() -> None:
    """Caption images through the OpenAI Batch API: never paid twice, never over budget, one
    Parquet table.

    --debug with any command shows where an error came from; 'captionmill help TOPIC' says more.
    """


def run_command_line(arguments: Sequence[str]) -> int:
    """Run a command line; every error becomes a message and an exit code.

    With --debug anywhere on the line the traceback is shown too.
    """
    from pipeline.cli.console import open_closed_streams

    debug = "--debug" in arguments
    if sys.platform == "win32":
        return _fail(NOT_ON_WINDOWS, UsageError.exit_code, debug)
    open_closed_streams()
    _write_anything()
    arm_from_environment()
    if instruction := os.environ.get(VARIABLE):
        return complete(cli, instruction)
    return _run(arguments, debug)


def _run(arguments: Sequence[str], debug: bool) -> int:
    try:
        # not cli.main(): it takes every closed pipe for a reader of our output that has gone
        words = [a for a in arguments if a != "--debug"] or ["help", "start"]
        with cli.make_context("captionmill", words) as context:
            result = cli.invoke(context)
    except ConfigError as error:
        return _refuse(error, _with_topic(error), arguments, debug)
    except CaptionmillError as error:
        return _fail(_with_topic(error), error.exit_code, debug)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        text = _with_help(error)
        return _refuse(UsageError(text), text, arguments, debug)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code, debug)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted; nothing is lost, run again to go on", EXIT_INTERRUPTED, debug)
    except Exception as error:  # noqa: BLE001 - the one catch-all: a bug is said, not dumped
        return _unexpected(error, arguments, debug)
    return result if isinstance(result, int) else 0


def _unexpected(error: Exception, arguments: Sequence[str], debug: bool) -> int:
    """Exit code of an error that nobody translated, after saying what can be said of it."""
    from pipeline.cli.console import reader_is_gone
    from pipeline.system.files import is_scarcity

    if isinstance(error, BrokenPipeError) and reader_is_gone():
        return 0  # of `captionmill --help | head`
    if isinstance(error, OSError) and (code := _disk_failure(error, debug)) is not None:
        return code
    if "Symlink loop" in str(error) or getattr(error, "errno", None) == errno.ELOOP:
        return _fail(f"a link leads back to itself: {error}", UsageError.exit_code, debug)
    if isinstance(error, UnicodeEncodeError) and (odd := _odd_bytes(arguments)):
        return _fail(odd, UsageError.exit_code, debug)
    if is_scarcity(error):
        text = f"memory, threads or open files have run out ({error}): allow it more"
        return _fail(f"{text}; nothing is lost, run again", StorageError.exit_code, debug)
    text = f"a bug in captionmill: {type(error).__name__}: {error}. Nothing is lost; please "
    return _fail(
        f"{text}report it with the output of the same command and --debug", EXIT_BUG, debug
    )


def _with_topic(error: CaptionmillError) -> str:
    from pipeline.cli.reporting import with_topic  # help goes without it

    return with_topic(error)


def _disk_failure(error: OSError, debug: bool) -> int | None:
    """Exit code of a full or broken disk, after saying so; None for another error."""
    from pipeline.system.files import disk_error

    full = disk_error(error)
    return None if full is None else _fail(str(full), full.exit_code, debug)


def _refuse(refusal: UsageError, text: str, arguments: Sequence[str], debug: bool) -> int:
    """Say why a command did not begin, and notify of it."""
    from pipeline.cli.refused import notify_of

    code = _fail(text, refusal.exit_code, debug)
    notify_of(refusal, arguments)
    return code


def _odd_bytes(arguments: Sequence[str]) -> str:
    """Sentence about the first argument that is not UTF-8, "" where all are."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = argument.encode("utf-8", "backslashreplace").decode()
            return (
                f"the command line: {shown} is not UTF-8 text: write it in UTF-8 (is the "
                "terminal's encoding another one?)"
            )
    return ""


def _write_anything() -> None:
    """Name that the terminal's encoding does not know is shown with question marks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _with_help(error: click.UsageError) -> str:
    """Add to a message the command's usage and where to read on."""
    text = (
        error.format_message()
        .rstrip(".")
        .replace(". (Did you", " (did you")
        .replace(". Did you", ": did you")
        .replace(". Choose from:\n\t", ": choose from ")
        .replace(",\n\t", ", ")
    )
    text = text[:1].lower() + text[1:]
    path = error.ctx.command_path if error.ctx else "captionmill"
    see = " See" if text.endswith("?") else "; see"
    return f"{text}{see} '{path} --help'"


def _fail(message: str, code: int, debug: bool) -> int:
    from pipeline.cli.console import say

    if debug:
        import traceback

        traceback.print_exc()
    say(f"captionmill: {message}")
    return code
