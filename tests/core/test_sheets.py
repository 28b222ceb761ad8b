"""Pages and the like, compared cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.sheets import GRID, LEAST_SHARE, may_be_sheets, pack, same_sheet


def _grid(change: float = 0.0, gain: float = 1.0, offset: float = 0.0) -> bytes:
    rows, columns = np.mgrid[0:GRID, 0:GRID]
    levels = 120 + 40.0 * ((rows // 4 + columns // 7) % 2)
    levels[10, 20] += change
    return pack(200, np.round(levels * gain + offset).astype(np.uint8).tobytes())


@pytest.mark.parametrize(("change", "same"), [(0, True), (8, True), (16, False), (60, False)])
def test_one_cell_makes_another_sheet(change: float, same: bool) -> None:
    assert same_sheet(_grid(), _grid(change), flat=False) == same
    assert same_sheet(_grid(), _grid(change), flat=True) == (change == 0)


def test_brightness_and_contrast_make_none() -> None:
    assert same_sheet(_grid(), _grid(gain=1.2), flat=False)
    assert same_sheet(_grid(), _grid(gain=0.8, offset=20), flat=False)


def test_what_has_no_grid_is_not_the_same() -> None:
    photo = pack(LEAST_SHARE - 1, b"")
    assert len(photo) == 1
    assert not same_sheet(_grid(), photo, flat=False)
    assert not same_sheet(b"", _grid(), flat=False)


@pytest.mark.parametrize(
    ("one", "other", "sheets"),
    [(None, None, False), (50, 90, False), (50, 102, True), (None, 200, True), (250, 250, True)],
)
def test_one_flat_picture_of_two_is_enough(
    one: int | None, other: int | None, sheets: bool
) -> None:
    assert may_be_sheets(one, other) == sheets
