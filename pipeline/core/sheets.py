"""Pictures that are mostly one level, such as pages, signs, dials, icons and nights, compared at a
higher resolution than a hash has.

Two such pictures often differ in their words and numbers only, which no hash of 128 bits sees. So
each has a grid of 64 x 64 mean levels: copies that were compressed, scaled, blurred or brightened
differ in no cell by more than 9.5 (of 255), pages with other words by 23 and more; measured on 422
pages, dials and icons. Photographs, whose copies may be cropped, are not compared like this.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

GRID = 64
LEAST_SHARE = 77
"""Of 255: pictures with less of one level have no grid, but where their hash says nothing."""

SHEET_SHARE = 102
"""Of 255: with so much of one level a picture is a sheet."""

_MOST_APART, _MOST_APART_OF_FLAT = 12.0, 3.0  # levels, in any cell
_FLAT = 1.0  # variance of a grid without anything to fit
_LEAST_GAIN, _MOST_GAIN = 0.7, 1.4  # of contrast

Levels = npt.NDArray[np.float64]


def pack(share: int, grid: bytes) -> bytes:
    """One byte with the share of a picture's commonest level (of 255), then its grid, if any."""
    return bytes((share,)) + (zlib.compress(grid) if grid else b"")


def may_be_sheets(one: int | None, other: int | None) -> bool:
    """Tell whether two pictures with these shares have to be compared cell by cell."""
    return max(one or 0, other or 0) >= SHEET_SHARE


def same_sheet(one: bytes, other: bytes, *, flat: bool) -> bool:
    """Tell whether two packed pictures show the same in every cell, at the same or another
    brightness and contrast. False when one of them has no grid.

    Args:
        one: as `pack` gives it, b"" when unknown.
        other: the same.
        flat: their hashes say nothing, so that only the grids tell them apart.
    """
    if len(one) < 2 or len(other) < 2:
        return False
    most = _MOST_APART_OF_FLAT if flat else _MOST_APART
    return bool(_apart(_unpacked(one), _unpacked(other)) <= most)


def _apart(one: Levels, other: Levels) -> float:
    """Largest difference of a cell after the second was fitted to the first."""
    one, other = one - one.mean(), other - other.mean()
    variance = float((one * one).mean())
    gain = float((one * other).mean()) / variance if variance > _FLAT else 1.0
    gain = min(max(gain, _LEAST_GAIN), _MOST_GAIN)
    return float(np.abs(other - gain * one).max())


def _unpacked(packed: bytes) -> Levels:
    return np.frombuffer(zlib.decompress(packed[1:]), np.uint8).astype(np.float64)
