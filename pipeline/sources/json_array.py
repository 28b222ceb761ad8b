"""Elements of an array in a text of JSON, taken apart by commas and brackets alone.

So an element that is no JSON is told from its neighbours, and memory holds one element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TextIO

from msgspec import Struct, field

from pipeline.sources.table_rows import MAX_LINE_CHARACTERS

_PIECE = 1 << 16
_BLANK = "\ufeff \t\r\n\0"
_MARKS = re.compile(r'["{}\[\],]')
_IN_TEXT = re.compile(r'["\\]')


class CutArray(ValueError):
    """Text that ends inside of its array, or goes on after it."""


def array_elements(handle: TextIO, key: str | None = None) -> Iterator[str]:
    """Yield the text of each element of an array; of one of more than a million characters only
    the beginning, which is longer than that. Blank ones are left out.

    Args:
        key: of the outermost object, whose array it is; None for an array that is the whole text.

    Raises:
        CutArray: nothing tells where the array ends.
    """
    level = 1 if key is None else 2
    name = re.compile("" if key is None else rf'"{re.escape(key)}"\s*:')
    depth, inside, text = 0, False, _Text()
    for passed, mark in _marks(handle):
        if inside or depth < level:
            text.add(passed)
        if inside and depth == level and mark in ("]", "}", ","):
            if element := text.take():
                yield element
            inside = mark == ","
        elif inside:
            text.add(mark)
        elif mark and depth == level - 1:
            inside = bool(name.fullmatch(text.take())) and mark == "["
        depth += (mark in ("[", "{")) - (mark in ("]", "}"))
    if depth:
        raise CutArray("it ends in the middle")
    if text.take():
        raise CutArray("it goes on after its end")


def _marks(handle: TextIO) -> Iterator[tuple[str, str]]:
    """Brackets and commas outside of texts, each after the characters before it; "" as a mark says
    that more characters follow."""
    in_text = False
    while piece := handle.read(_PIECE):
        while piece.endswith("\\") and (more := handle.read(1)):
            piece += more
        start = at = 0
        while mark := (_IN_TEXT if in_text else _MARKS).search(piece, at):
            at = mark.end()
            if mark[0] == "\\":
                at += 1  # the character after it ends no text
            elif mark[0] == '"':
                in_text = not in_text
            else:
                yield piece[start : mark.start()], mark[0]
                start = at
        yield piece[start:], ""
    if in_text:
        raise CutArray("it ends in the middle of a text")


class _Text(Struct):
    """Text that is read in pieces; of one that is too long the beginning."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, text: str) -> None:
        if self.length <= MAX_LINE_CHARACTERS:
            self.pieces.append(text)
            self.length += len(text)

    def take(self) -> str:
        """Text without blanks around it, which begins anew."""
        text = "".join(self.pieces).strip(_BLANK)
        self.pieces, self.length = [], 0
        return text
