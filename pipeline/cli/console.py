"""Output of a running command: answers, sentences, questions and progress bars.

The answer of a command goes to standard output, everything else to standard error.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

# controls but tab and newline; marks that turn or hide text
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

_last_words = [time.monotonic()]


def printable(text: str) -> str:
    """File names and captions are untrusted: nothing of them may steer the terminal."""
    return _CONTROL.sub("\ufffd", text)


def seconds_silent() -> float:
    """Seconds since a person last read something."""
    return time.monotonic() - _last_words[0]


def out(text: str) -> None:
    """Lines of the answer. A reader that has gone (`captionmill status | head`) is no error: the
    command goes on and its exit code stands."""
    _last_words[0] = time.monotonic()
    try:
        click.echo(printable(text))
    except BrokenPipeError:
        reader_is_gone()
    except OSError as error:
        from pipeline.system.files import storage_error

        raise storage_error(Path("to standard output"), error) from error


def say(text: str) -> None:
    """One sentence to whoever watches, above the progress bars. What cannot be written (the disk
    of a log is full) is no reason to end paid work."""
    _last_words[0] = time.monotonic()
    try:
        if "tqdm" in sys.modules:
            from tqdm import tqdm

            tqdm.write(printable(text), file=sys.stderr)
        else:
            click.echo(printable(text), err=True)
    except BrokenPipeError:
        reader_is_gone()
    except OSError:
        return


def open_closed_streams() -> None:
    """Stand-ins for standard streams that were closed before us (`captionmill run 2>&-`): the next
    file that is opened would get their number, and what is said would go into it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def reader_is_gone() -> bool:
    """Tell whether somebody has closed the other end of our output; from here on what is written
    there goes nowhere, also when Python ends."""
    gone = False
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor
            if _is_closed(stream.fileno()):
                gone = True
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
    return gone


def _is_closed(descriptor: int) -> bool:
    watched = select.poll()
    watched.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in watched.poll(0))


def confirm(question: str) -> bool:
    """Ask on a terminal; without one the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return click.confirm(printable(question), err=True)


def price_confirm(yes: bool) -> Callable[[str], bool]:
    """Confirmation of a price: granted when `yes`, else asked of the person who has read it."""
    from pipeline.session.confirm import ShownConfirm

    return (lambda _question: True) if yes else ShownConfirm(confirm)


def from_here(path: str) -> str:
    """Path as seen from the working directory, where that is shorter."""
    with contextlib.suppress(ValueError, OSError):
        return str(Path(path).relative_to(Path.cwd()))
    return path


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Count of images on a terminal, gone when the block ends; silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from tqdm import tqdm

    with tqdm(desc=what, unit="img", leave=False, dynamic_ncols=True) as bar:
        yield bar.update


class Screen:
    """Place on a terminal that is drawn anew; elsewhere a line for each change."""

    def __init__(self) -> None:
        self._drawn = 0
        self._last = ""

    def show(self, lines: Sequence[str], line: str) -> None:
        """Show `lines` in the place of those before, or `line` where there is no terminal.

        What does not fit is cut: a line that wraps would be two.
        """
        if not sys.stdout.isatty():
            if line != self._last:
                out(line)
                sys.stdout.flush()
            self._last = line
            return
        width, height = shutil.get_terminal_size()
        shown = [printable(text)[: width - 1] for text in lines]
        if len(shown) >= height:
            shown = [*shown[: height - 2], "..."]
        above = f"\x1b[{self._drawn}F" if self._drawn else ""
        body = "".join(f"\x1b[2K{text}\n" for text in shown)
        sys.stdout.write(f"{above}{body}\x1b[J")
        sys.stdout.flush()
        self._drawn = len(shown)
