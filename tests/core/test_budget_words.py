from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.units import parse_money
from pipeline.core.budget import BudgetCaps, Exposure, fits
from pipeline.core.budget_words import (
    coverage,
    in_force,
    options_with_room,
    shortage,
    unknown_price,
)

USD = 10**9
CAPS = BudgetCaps(lifetime=USD)
SPENT = Exposure(lifetime=840_000_000)
nano = st.integers(0, 10**13)


def test_a_cap_without_room_says_which_how_much_is_used_and_what_to_type() -> None:
    assert shortage(CAPS, SPENT, 300_000_000, "the next request") == (
        "the lifetime budget of $1.00 has no room: $0.8400 of it is spent or "
        "reserved, $0.1600 is left, and the next request may cost $0.3000; raise it: --budget 1.14"
    )


def test_what_waiting_does_is_said() -> None:
    day = shortage(BudgetCaps(day=USD), Exposure(day=USD), 1, "the next batch")
    assert day.startswith("the day budget of $1.00 has no room")
    assert "run again tomorrow (UTC), or raise it: --budget-day 1.01" in day
    assert "run again to go on under a new one" in shortage(
        BudgetCaps(run=USD), Exposure(run=USD), 1, "the next batch"
    )


def test_the_caps_that_pay_for_a_part_say_for_how_much() -> None:
    text = coverage(CAPS, SPENT, 1500, USD, 1_250_000_000)
    assert text == (
        "the lifetime budget of $1.00 has $0.1600 left, which pays for about 240 "
        "of 1,500 requests; the rest stays pending. For all of them: --budget 2.09"
    )
    assert coverage(CAPS, SPENT, 10, 1, 160_000_000) == ""
    assert coverage(BudgetCaps(), SPENT, 10, USD, USD) == ""


def test_every_cap_that_is_short_is_named() -> None:
    caps = BudgetCaps(run=USD, day=9 * USD, lifetime=USD)
    assert options_with_room(caps, SPENT, 2 * USD) == "--budget-run 2.00 --budget 2.84"


@given(st.builds(BudgetCaps, *[nano] * 4), st.builds(Exposure, *[nano] * 4), nano)
def test_what_is_said_to_be_enough_is(caps: BudgetCaps, exposure: Exposure, needed: int) -> None:
    words = options_with_room(caps, exposure, needed).split()
    raised = {
        option.removeprefix("--budget").strip("-") or "lifetime": parse_money(amount)
        for option, amount in zip(words[::2], words[1::2], strict=True)
    }
    known = {name: getattr(caps, name) for name in ("run", "day", "month", "lifetime")}
    assert fits(needed, BudgetCaps(**(known | raised)), exposure)
    assert all(amount > known[name] for name, amount in raised.items())


def test_the_caps_in_force_say_where_they_come_from() -> None:
    caps = BudgetCaps(day=5 * USD, lifetime=USD)
    origins = {"day": "configs/nightly.toml", "lifetime": "remembered"}
    assert in_force(caps, SPENT, origins) == (
        "$5.00 for a day (UTC), from configs/nightly.toml: $5.00 left; $1.00 for this "
        "workspace's life, remembered (--budget none lifts it): $0.1600 left"
    )
    assert in_force(BudgetCaps(), SPENT, {}) == ""


def test_an_unknown_price_is_asked_for_as_it_is_billed_where_requests_go() -> None:
    ends = {"batch": "in a batch:", "standard": "online:", "flex": "online at the flex tier:"}
    for tier, words in ends.items():
        assert f"as they are billed {words}\n" in unknown_price("my-model", tier)
    assert "as they are billed:\n" in unknown_price()


def test_an_unknown_price_shows_the_lines_to_write() -> None:
    assert '\n  [prices."my-model"]\n  input = "0.05"\n' in unknown_price("my-model")
