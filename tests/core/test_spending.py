from __future__ import annotations

from pipeline.core.spending import Spend, Spending, grouped


def test_rows_of_one_group_are_one_sum() -> None:
    rows = [
        Spend("a", "x", 2, 5, 2, 7, 3, 1, 10, 4, 20, 6),
        Spend("a", "", 0, 0, 0, 1),
        Spend("b", "", 1, 0, 0, 9),
    ]
    assert grouped("model", rows) == (
        Spend("b", "", 1, 0, 0, 9),
        Spend("a", "x", 2, 5, 2, 8, 3, 1, 10, 4, 20, 6),
    )
    total = Spending("model", grouped("model", rows)).total
    assert total == Spend("", "", 3, 5, 2, 17, 3, 1, 10, 4, 20, 6)


def test_time_goes_forward_and_the_unknown_comes_last() -> None:
    def order(by: str, *groups: tuple[str, int]) -> list[str]:
        return [s.group for s in grouped(by, [Spend(g, billed=b) for g, b in groups])]

    assert order("day", ("", 9), ("2026-02-01", 1), ("2026-01-31", 5)) == [
        "2026-01-31",
        "2026-02-01",
        "",
    ]
    assert order("run", ("10", 9), ("9", 1)) == ["9", "10"]
    assert order("folder", ("", 99), ("a", 1), ("c", 5), ("b", 5)) == ["b", "c", "a", ""]


def test_nothing_spent_is_a_total_of_nothing() -> None:
    assert Spending("day", grouped("day", [])).total == Spend()
