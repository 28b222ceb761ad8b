from __future__ import annotations

from pipeline.core.charts import bars, buckets, every_day


def test_bars_are_shares_of_the_longest_and_percents_of_all() -> None:
    first, second, third = bars([("a", 30, "30"), ("b", 10, "10"), ("c", -5, "-5")], ["note"])
    assert (first.share, first.percent, first.note) == (1.0, 75.0, "note")
    assert (second.share, second.percent, second.note) == (10 / 30, 25.0, "")
    assert (third.share, third.percent, third.text) == (0.0, 0.0, "-5")
    assert bars([]) == []
    assert bars([("a", 0, "0")])[0].share == 0.0


def test_ranges_between_edges() -> None:
    assert buckets([512, 1024]) == ["under 512", "512 to 1,023", "1,024 and more"]


def test_days_without_money_are_days_too() -> None:
    days = every_day([("2026-02-27", 5), ("2026-03-02", 7), ("", 9)])
    assert days == [("2026-02-27", 5), ("2026-02-28", 0), ("2026-03-01", 0), ("2026-03-02", 7)]
    assert every_day([("", 9)]) == []


def test_many_days_become_months() -> None:
    months = every_day([("2025-11-30", 1), ("2025-12-01", 2), ("2026-02-01", 3)])
    assert months == [("2025-11", 1), ("2025-12", 2), ("2026-01", 0), ("2026-02", 3)]
