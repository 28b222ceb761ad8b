"""Progress of a run: bars on a terminal, and a line a minute where there are none."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
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
    shown, over = Bars(quiet=quiet), threading.Event()
    teller = threading.Thread(target=_tell, args=(shown, over), name="progress", daemon=True)
    teller.start()
    try:
        yield shown
    finally:
        over.set()
        teller.join()
        shown.close()


def _tell(shown: Bars, over: threading.Event) -> None:
    """Say how far the run is whenever a minute was silent."""
    while not over.wait(_TICK):
        if seconds_silent() >= MINUTE and not shown.visible:
            say(shown.line())
