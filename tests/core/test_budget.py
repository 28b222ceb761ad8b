from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.budget import BudgetCaps, Exposure, fits, headroom

nano = st.integers(0, 10**15)
caps = st.builds(BudgetCaps, *[st.none() | nano] * 4)
exposures = st.builds(Exposure, *[nano] * 4)


@given(caps, exposures, nano)
def test_what_fits_never_passes_a_cap(caps: BudgetCaps, exposure: Exposure, max_cost: int) -> None:
    over = [
        cap
        for cap, held in (
            (caps.run, exposure.run),
            (caps.day, exposure.day),
            (caps.month, exposure.month),
            (caps.lifetime, exposure.lifetime),
        )
        if cap is not None and held + max_cost > cap
    ]
    if fits(max_cost, caps, exposure):
        assert not over or max_cost == 0
    else:
        assert over


def test_room_names_the_tightest_scope() -> None:
    left = headroom(BudgetCaps(run=10, day=7), Exposure(run=1, day=3))
    assert (left.left, left.scope) == (4, "day")
    assert headroom(BudgetCaps(), Exposure(lifetime=99)).left is None
    assert headroom(BudgetCaps(month=5), Exposure(month=9)).left == 0


def test_an_unknown_price_fits_only_without_a_cap() -> None:
    assert fits(None, BudgetCaps(), Exposure())
    assert not fits(None, BudgetCaps(lifetime=10**12), Exposure())
