"""Progress of a run: bars on a terminal, and a line a minute where there are none."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.cli.console import say, seconds_silent
from pipeline.core.words import counted

MINUTE = 60.0
"""Seconds after which a line says how far a run is, unless something else was said."""

_TICK = 1.0
# fits into 60 columns: no rate and no time left, which mean little for batches
_FORMAT = "{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class Bars:
    """Progress on a terminal: images prepared and, below, requests answered."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Show nothing yet; `quiet`: what is there is not said either."""
        self._quiet = quiet
        self._shown = sys.stderr.isatty()
        self._todo = self._done = 0
        self._preparing = False
        self._prepare: Any = None
        self._answer: Any = None
        self._answers = ""

    @property
    def visible(self) -> bool:
        """Tell whether a bar is drawn."""
        return self._prepare is not None or self._answer is not None

    def line(self) -> str:
        """Words about how far the run is."""
        prepared = f"{self._done:,} of {max(self._todo, self._done):,} images prepared"
        parts = [prepared if self._todo else "", self._answers]
        return ", ".join(filter(None, parts)) or "looking at the images"

    def crawled(self, images: int, todo: int) -> None:
        """Say what is there."""
        self._todo = todo
        if not self._quiet:
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
        if open_batches:
            batches = counted(open_batches, "batch", "batches")
            self._answers = f"{done:,} of {total:,} requests answered, {batches} under way"
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


def _bar(total: int, what: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=f"{what}: ", leave=False, dynamic_ncols=True, bar_format=_FORMAT)


@contextlib.contextmanager
def progress_bars(*, quiet: bool = False) -> Iterator[Bars]:
    """Progress that is gone when the block ends; no minute of it passes without a word."""
    shown = Bars(quiet=quiet)
    try:
        with _a_line_a_minute(lambda: "" if shown.visible else shown.line()):
            yield shown
    finally:
        shown.close()


@contextlib.contextmanager
def progress_words(first: str) -> Iterator[Callable[[str], None]]:
    """Function that notes what a command is at, which is said whenever a minute was silent."""
    words = [first]
    with _a_line_a_minute(lambda: words[-1]):
        yield lambda text: words.__setitem__(-1, text)


@contextlib.contextmanager
def _a_line_a_minute(line: Callable[[], str]) -> Iterator[None]:
    """Say a line, if there is one, whenever a minute was silent."""
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(line, over), name="progress", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _tell(line: Callable[[], str], over: threading.Event) -> None:
    while not over.wait(_TICK):
        if seconds_silent() >= MINUTE and (text := line()):
            say(text)
