from __future__ import annotations

from pipeline.server.settings import Pace


def test_the_time_of_a_whole_batch_overrides_that_of_a_line() -> None:
    assert Pace(line=2).seconds_per_line(10) == 2
    assert Pace(line=2, run=100).seconds_per_line(10) == 10
    assert Pace(run=100).seconds_per_line(0) == 100
