"""Budgets in sentences: which cap, how much of it is used, what would be enough, what to type."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from pipeline.core.budget import SCOPES, BudgetCaps, Exposure, headroom
from pipeline.core.pricing import format_usd, usd_text
from pipeline.core.words import counted
from pipeline.records import Nano

COMMAND_LINE = "the command line"
REMEMBERED = "remembered"


class _Scope(Struct, frozen=True):
    """Words about the scope of a cap: the cap's name, its option, and what waiting does."""

    name: str
    option: str
    waiting: str = ""


_WORDS = {
    "run": _Scope("this run", "--budget-run", "run again to go on under a new one, or "),
    "day": _Scope("a day (UTC)", "--budget-day", "run again tomorrow (UTC), or "),
    "month": _Scope("a month (UTC)", "--budget-month", "run again next month (UTC), or "),
    "lifetime": _Scope("this workspace's life", "--budget"),
}


def shortage(caps: BudgetCaps, exposure: Exposure, needed: Nano, what: str) -> str:
    """Sentence about a cap that has no room for `needed` more, which `what` may cost."""
    tightest = headroom(caps, exposure)
    words, cap = _WORDS[tightest.scope], getattr(caps, tightest.scope)
    left = tightest.left or 0
    needed = max(needed, left + 1)
    return (
        f"the {tightest.scope} budget of {format_usd(cap)} has no room: "
        f"{format_usd(getattr(exposure, tightest.scope))} of it is spent or reserved, "
        f"{format_usd(left)} is left, and {what} may cost {format_usd(needed)}; {words.waiting}"
        f"raise it: {options_with_room(caps, exposure, needed)}"
    )


_BILLED = {
    "batch": " in a batch",
    "flex": " online at the flex tier",
    "standard": " online",
    "background": " in the background",
}


def unknown_price(model: str = "", tier: str = "", standard: str = "") -> str:
    """Sentence about a model without a price, with the lines that give it one.

    Args:
        model: "" when its name is not at hand.
        tier: how its requests are processed, which decides their price; "" when unknown.
        standard: words for its standard price where only that is known.
    """
    only = (
        f" (only its standard price is known: {standard} for a million tokens)" if standard else ""
    )
    name, model = model or "this model", model or "MODEL"
    return (
        f"the price of {name} is unknown{only}, so nothing is sent under a budget: add its dollars "
        f"for a million tokens to the configuration, as they are billed{_BILLED.get(tier, '')}:\n"
        f'  [prices."{model}"]\n  input = "0.05"\n  output = "0.25"'
    )


def options_with_room(caps: BudgetCaps, exposure: Exposure, needed: Nano) -> str:
    """Options that make room for `needed` more under every cap: "--budget 5.40"."""
    short = [
        f"{_WORDS[scope].option} {usd_text(_rounded_up(getattr(exposure, scope) + needed))}"
        for scope in SCOPES
        if (cap := getattr(caps, scope)) is not None and getattr(exposure, scope) + needed > cap
    ]
    return " ".join(short)


def coverage(
    caps: BudgetCaps, exposure: Exposure, requests: int, expected: Nano, most: Nano
) -> str:
    """Sentence about how much of a job the caps pay for, "" when they pay for all of it.

    Args:
        requests, expected, most: of the job; what it will cost, and what it may cost.
    """
    tightest = headroom(caps, exposure)
    if tightest.left is None or most <= tightest.left or not requests:
        return ""
    paid = min(requests, tightest.left * requests // max(1, expected))
    cap = getattr(caps, tightest.scope)
    return (
        f"the {tightest.scope} budget of {format_usd(cap)} has {format_usd(tightest.left)} left, "
        f"which pays for about {paid:,} of {counted(requests, 'request')}; the rest stays pending. "
        f"For all of them: {options_with_room(caps, exposure, most)}"
    )


def in_force(caps: BudgetCaps, exposure: Exposure, origins: Mapping[str, str]) -> str:
    """Caps in force in one line, "" without any: how much, of what, where each comes from, and
    what is left. `origins` are by scope."""
    parts = []
    for scope in SCOPES:
        cap = getattr(caps, scope)
        if cap is None:
            continue
        used = getattr(exposure, scope)
        where = f"from {origins.get(scope, '')}"
        if origins.get(scope) == REMEMBERED:
            where = f"{REMEMBERED} ({_WORDS[scope].option} none lifts it)"
        parts.append(
            f"{format_usd(cap)} for {_WORDS[scope].name}, {where}: "
            f"{format_usd(max(0, cap - used))} left"
        )
    return "; ".join(parts)


def _rounded_up(nano: Nano) -> Nano:
    """Amount that a person would type: whole cents, below ten cents hundredths of one."""
    step = 10**7 if nano >= 10**8 else 10**5
    return -(-nano // step) * step


def spent_and_reserved(spent: Nano, reserved: Nano) -> str:
    """Money of a workspace in words."""
    return f"{format_usd(spent)} spent, {format_usd(reserved)} reserved"
