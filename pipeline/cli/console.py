"""Output of a running command: answers, sentences, questions and progress bars.

The answer of a command goes to standard output, everything else to standard error.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from pipeline.core.words import counted

# controls but tab and newline; marks that turn or hide text
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """File names and captions are untrusted: nothing of them may steer the terminal."""
    return _CONTROL.sub("\ufffd", text)


def out(text: str) -> None:
    """Lines of the answer. A reader that has gone (`captionmill status | head`) is no error: the
    command goes on and its exit code stands."""
    try:
        click.echo(printable(text))
    except BrokenPipeError:
        reader_is_gone()


def say(text: str) -> None:
    """One sentence to whoever watches, above the progress bars."""
    try:
        if "tqdm" in sys.modules:
            from tqdm import tqdm

            tqdm.write(printable(text), file=sys.stderr)
        else:
            click.echo(printable(text), err=True)
    except BrokenPipeError:
        reader_is_gone()


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


def from_here(path: str) -> str:
    """Path as seen from the working directory, where that is shorter."""
    with contextlib.suppress(ValueError, OSError):
        return str(Path(path).relative_to(Path.cwd()))
    return path


class Bars:
    """Progress on a terminal: images prepared and, below, requests answered. Silent elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._todo = self._done = 0
        self._preparing = False
        self._prepare: Any = None
        self._answer: Any = None

    def crawled(self, images: int, todo: int) -> None:
        """Say what is there."""
        self._todo = todo
        say(f"{counted(images, 'image')}, {todo:,} of them new or changed")

    def prepared(self, images: int) -> None:
        """Move the bar of images; it begins with the first ones."""
        self._done += images
        self._preparing = True
        if not self._shown:
            return
        if self._prepare is None:
            self._prepare = _bar(max(self._todo, self._done), "prepared")
        self._prepare.update(self._done - self._prepare.n)

    def sealed(self, requests: int) -> None:
        """Note a written shard; the bars say enough."""

    def answered(self, done: int, total: int, open_batches: int) -> None:
        """Move the bar of answers; it begins with the first batch."""
        if not self._preparing:
            self._end_preparing()
        self._preparing = False
        if not self._shown or not open_batches:
            return
        if self._answer is None:
            self._answer = _bar(total, "answered")
        self._answer.total = max(total, self._answer.total or 0)
        self._answer.n = done
        self._answer.set_postfix_str(counted(open_batches, "batch", "batches"))

    def close(self) -> None:
        """Leave the terminal tidy."""
        self._end_preparing()
        if self._answer is not None:
            self._answer.close()

    def _end_preparing(self) -> None:
        """Take the bar of images away; the other one moves up."""
        if self._prepare is None:
            return
        if self._answer is not None:
            self._answer.clear()
            self._answer.pos = 0
        self._prepare.close()
        self._prepare = None


def _bar(total: int | None, what: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=what, unit="img", leave=False, dynamic_ncols=True)


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Count of images on a terminal, gone when the block ends; silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with _bar(None, what) as bar:
        yield bar.update


@contextlib.contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars that are gone when the block ends."""
    shown = Bars()
    try:
        yield shown
    finally:
        shown.close()
