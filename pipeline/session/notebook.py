"""Progress in notebooks: tqdm's bars, unless the caller brings a display."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from pipeline.core.words import counted
from pipeline.stages.values import NoProgress, Progress


def in_notebook() -> bool:
    """Tell whether the program runs in a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@contextlib.contextmanager
def shown_progress(display: Progress | None) -> Iterator[Progress]:
    """Display of a program, else bars in a notebook, which end with the block, else none."""
    if display is not None or not in_notebook():
        yield display or NoProgress()
        return
    bars = NotebookBars()
    try:
        yield bars
    finally:
        bars.close()


class NotebookBars:
    """Bars of images prepared and of requests answered; see `stages.values.Progress`."""

    def __init__(self) -> None:
        self._todo = 0
        self._prepare: Any = None
        self._answer: Any = None

    def crawled(self, images: int, todo: int) -> None:
        """Take how many images are to be prepared."""
        del images
        self._todo = todo

    def prepared(self, images: int) -> None:
        """Move the bar of images; it begins with the first ones."""
        if self._prepare is None:
            self._prepare = _bar(self._todo, "prepared", "img")
        self._prepare.total = max(self._prepare.total, self._prepare.n + images)
        self._prepare.update(images)

    def sealed(self, requests: int) -> None:
        """Note a written shard; the bars say enough."""

    def answered(self, done: int, total: int, open_batches: int) -> None:
        """Move the bar of answers; it begins with the first batch."""
        if self._answer is None:
            if not open_batches:
                return
            self._answer = _bar(total, "answered", "req")
        self._answer.total = max(total, done)
        self._answer.update(done - self._answer.n)
        self._answer.set_postfix_str(counted(open_batches, "batch", "batches"))

    def close(self) -> None:
        """Leave the bars as they stand."""
        for bar in filter(None, (self._prepare, self._answer)):
            bar.close()


def _bar(total: int, what: str, unit: str) -> Any:
    """Bar of widgets, or of text where there are none."""
    from tqdm import notebook, tqdm

    kind = tqdm if notebook.IProgress is None else notebook.tqdm
    return kind(total=total, desc=what, unit=unit)
