"""Cells of a CSV that no spreadsheet runs as a formula."""

from __future__ import annotations

import re

# A formula begins with one of these, full-width forms included; a cell begins at its start and, for
# a spreadsheet that expects other delimiters or quotes, behind each of them.
_FORMULA = re.compile("(^|[;|\t\r\n\"'])([ \xa0\ufeff]*)(?=[=+\\-@＝＋－＠])")
_ODD_STARTS = ("\t", "\r", "\n")


def defused(cell: str) -> str:
    """Text of a cell with an apostrophe before whatever a spreadsheet would run."""
    cell = cell.replace("\0", "\ufffd")
    text = _FORMULA.sub(r"\1'\2", cell)
    return f"'{text}" if text.lstrip(" ").startswith(_ODD_STARTS) else text


_DEFUSED = re.compile("(^|[;|\t\r\n\"'])'([ \xa0\ufeff]*)(?=[=+\\-@＝＋－＠])")


def original_cell(cell: str) -> str:
    """Inverse of `defused`: the text that a defused cell was made from."""
    if cell.startswith("'") and cell[1:].lstrip(" ").startswith(_ODD_STARTS):
        cell = cell[1:]
    return _DEFUSED.sub(r"\1\2", cell)
