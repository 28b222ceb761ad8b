from __future__ import annotations

from pipeline.server.settings import BatchDurations


def test_the_time_of_a_whole_batch_overrides_that_of_a_line() -> None:
    assert BatchDurations(line=2).seconds_per_line(10) == 2
    assert BatchDurations(line=2, run=100).seconds_per_line(10) == 10
    assert BatchDurations(run=100).seconds_per_line(0) == 100
