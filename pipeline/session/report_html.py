"""Report of a run as HTML, as notebooks show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from html import escape
from typing import Protocol

from pipeline.core.outcomes import NAMES

_BAR = 240  # pixels of the longest bar


class _Figures(Protocol):
    """Figures that are shown."""

    images: int
    outcomes: Counter[str]

    def lines(self, shorten: Callable[[str], str] = ...) -> Iterator[str]: ...


class ShownAsHtml:
    """Base of reports that notebooks show as HTML."""

    __slots__ = ()

    def _repr_html_(self: _Figures) -> str:
        """HTML that Jupyter asks for: outcomes as bars, then the lines of the terminal."""
        bars = "".join(_bar(name, self.outcomes[name], self.images) for name in NAMES)
        lines = list(self.lines())
        shown = 1 + sum(1 for name in NAMES if self.outcomes[name])
        rest = "\n".join([lines[0], *lines[shown:]])
        return f"<table>{bars}</table><pre>{escape(rest)}</pre>"


def _bar(name: str, count: int, images: int) -> str:
    """Row of an outcome, "" for one without images."""
    if not count:
        return ""
    width = max(1, round(_BAR * count / max(images, count)))
    style = f"display:inline-block;height:0.8em;width:{width}px;background:currentColor;opacity:0.5"
    cells = (escape(name), f"{count:,}", f'<span style="{style}"></span>')
    row = "".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells)
    return f"<tr>{row}</tr>"
