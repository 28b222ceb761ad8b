"""What a person sees while a command runs: sentences, questions and progress bars."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import click

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """File names and captions are untrusted: nothing of them may steer the terminal."""
    return _CONTROL.sub("\ufffd", text)


def say(text: str) -> None:
    """One sentence to the terminal; the report alone goes to standard output."""
    click.echo(printable(text), err=True)


def ask(question: str) -> bool:
    """Ask on a terminal; without one the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return click.confirm(printable(question), err=True)


class Bars:
    """Progress on a terminal: images prepared, then requests answered. Silent elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._prepare: Any = None
        self._answer: Any = None

    def found(self, images: int, todo: int) -> None:
        """Begin the bar of images to look at."""
        say(f"{images:,} images, {todo:,} of them new or changed")
        if self._shown and todo:
            self._prepare = _bar(todo, "prepared")

    def prepared(self, images: int) -> None:
        """Move the bar of images."""
        if self._prepare is not None:
            self._prepare.update(images)

    def sealed(self, requests: int) -> None:
        """A shard was written; the bars say enough."""

    def looked(self, done: int, total: int, open_batches: int) -> None:
        """Move the bar of answers; it begins with the first batch."""
        if not self._shown or not open_batches:
            return
        if self._prepare is not None:
            self._prepare.close()
            self._prepare = None
        if self._answer is None:
            self._answer = _bar(total, "answered")
        self._answer.total = max(total, self._answer.total or 0)
        self._answer.n = done
        self._answer.set_postfix(batches=open_batches)

    def close(self) -> None:
        """Leave the terminal tidy."""
        for bar in (self._prepare, self._answer):
            if bar is not None:
                bar.close()


def _bar(total: int, what: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=what, unit="img", leave=False, dynamic_ncols=True)


@contextlib.contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars that are gone when the block ends."""
    shown = Bars()
    try:
        yield shown
    finally:
        shown.close()
