"""Cells of a sheet that come back from a spreadsheet as they went.

A spreadsheet runs what looks like a formula and converts what looks like a number, a date or a
time: 007 becomes 7 and 1/2 a day. Both get an apostrophe, which is taken away again.
"""

from __future__ import annotations

import re

from pipeline.core.formulas import defused, original_cell

_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[\d\s.,:/+\-eE]+")  # of any length: a hash of digits and one e is a number
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_LONGEST = 24  # characters of a date or time with words
_FORMULA = "=+-@＝＋－＠"
_TRUTH = {"true", "false"}


def to_cell(text: str) -> str:
    """Cell that a spreadsheet shows as this text, and takes for no formula, number or date."""
    cell = defused(text)
    return f"'{cell}" if _is_converted(cell) else cell


def from_cell(cell: str) -> str:
    """Text of a cell, the inverse of `to_cell`."""
    return original_cell(cell[1:] if cell.startswith("'") and _is_converted(cell[1:]) else cell)


def _is_converted(cell: str) -> bool:
    """Tell whether a spreadsheet, of whatever country, may take a cell for a value; the same for
    one that begins with further apostrophes."""
    plain = cell.lstrip("'").strip()
    if not plain or plain[0] in _FORMULA:
        return False
    if plain.casefold() in _TRUTH:
        return True
    if not _DIGIT.search(plain):
        return False
    return bool(_NUMBER.fullmatch(plain)) or (
        len(plain) <= _LONGEST and len(_LETTERS.findall(plain)) <= 1
    )
