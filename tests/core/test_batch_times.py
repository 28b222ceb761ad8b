from __future__ import annotations

from pipeline.core.batch_times import expected_end

NOW = 1_790_000_000  # 2026-09-21 14:13:20 UTC


def test_the_median_of_those_that_took_longer_than_it_has_so_far() -> None:
    past = [600, 700, 3600, 5400, 7200]
    assert expected_end(NOW, NOW, past).end == NOW + 3600
    later = expected_end(NOW - 3600, NOW, past)
    assert (later.age, later.end, later.past) == (3600, NOW + 3600, 2)
    assert later.words(NOW) == "1h 00m old, ends about 15:13 UTC (in 1h 00m, as 2 batches)"


def test_a_past_that_says_nothing() -> None:
    assert expected_end(NOW - 90, NOW, [600, 600]).words(NOW) == "1m 30s old"
    beyond = expected_end(NOW - 7200, NOW, [600, 700, 800])
    assert beyond.words(NOW) == "2h 00m old, older than any before"
    assert expected_end(NOW + 5, NOW, []).age == 0  # clocks differ
