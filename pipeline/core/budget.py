"""Caps and exposure: whether a cost may be reserved. Integer nano-dollars throughout."""

from __future__ import annotations

from msgspec import Struct

from pipeline.records import Nano


class BudgetCaps(Struct, frozen=True):
    """Most that may be spent and reserved together; None is no cap."""

    run: Nano | None = None
    day: Nano | None = None
    month: Nano | None = None
    lifetime: Nano | None = None

    @property
    def any(self) -> bool:
        """Tell whether some cap is set: then a request of unknown price may not be sent."""
        return any(getattr(self, scope) is not None for scope in SCOPES)


class Exposure(Struct, frozen=True):
    """Charges plus open reservations in each scope."""

    run: Nano = 0
    day: Nano = 0
    month: Nano = 0
    lifetime: Nano = 0


SCOPES: tuple[str, ...] = BudgetCaps.__struct_fields__


class Headroom(Struct, frozen=True):
    """Money that may still be reserved, and the scope that limits it; `left` None is no limit."""

    left: Nano | None
    scope: str = ""


def headroom(caps: BudgetCaps, exposure: Exposure) -> Headroom:
    """Smallest headroom over all scopes; never negative."""
    tightest = Headroom(None)
    for scope in SCOPES:
        cap = getattr(caps, scope)
        if cap is None:
            continue
        rest = max(0, cap - getattr(exposure, scope))
        if tightest.left is None or rest < tightest.left:
            tightest = Headroom(rest, scope)
    return tightest


def fits(max_cost: Nano | None, caps: BudgetCaps, exposure: Exposure) -> bool:
    """Tell whether a reservation of `max_cost` keeps every scope at or under its cap.

    An unknown price (None) fits only where no cap is set.
    """
    if max_cost is None:
        return not caps.any
    left = headroom(caps, exposure).left
    return left is None or max_cost <= left
