from __future__ import annotations

import pytest

from pipeline.core.batch_results import Doubt
from pipeline.stages.read_report import ReadReport, Unexplained


def test_a_flood_of_one_kind_is_cut_short() -> None:
    report = ReadReport()
    for number in range(30):
        report.note("bad_line", f"line {number}")
    report.note("alien_line", "x")
    assert len(report.incidents) == 21
    assert report.incidents[-1] == ("alien_line", "x")


@pytest.mark.parametrize(
    ("doubt", "lost", "end"),
    [(None, False, "whole"), (None, True, "lost"), (Doubt("late"), True, "open")],
)
def test_a_batch_ends_as_its_files_leave_it(doubt: Doubt | None, lost: bool, end: str) -> None:
    assert ReadReport(doubt=doubt, lost=lost).ends() == end


def test_a_doubt_is_said_in_its_words() -> None:
    assert str(Unexplained(Doubt("its files are late"))) == "its files are late"
