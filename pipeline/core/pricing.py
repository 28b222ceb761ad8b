"""Cost of tokens: exact decimals, rounded up once a line to a whole nano-dollar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import (
    ROUND_CEILING,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from typing import Literal, Self, cast, get_args

from msgspec import Struct
from msgspec.structs import replace

from pipeline.records import NANO_PER_USD, Nano, Usage

Tier = Literal["batch", "standard", "flex", "background"]

NANO_PER_TOKEN = 1_000
"""One US dollar per million tokens is a thousand nano-dollars per token."""

# Wide enough for any real price and count; whatever would not be exact is an error.
_NANO = "_nano_usd"
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])


class ImpossibleUsage(ValueError):
    """Token counts that contradict each other."""


class Rates(Struct, frozen=True):
    """Nano-dollars a token; reasoning tokens are output tokens."""

    input: Decimal
    cached_input: Decimal
    cache_write: Decimal
    output: Decimal

    def __post_init__(self) -> None:
        """Refuse anything but finite prices of zero or more with a ValueError."""
        for price in (self.input, self.cached_input, self.cache_write, self.output):
            if not price.is_finite() or price < 0:
                raise ValueError(f"a price is a number of zero or more, not {price}")

    def times(self, factor: Decimal) -> Rates:
        """Rates that are `factor` as high."""
        return Rates(
            self.input * factor, self.cached_input * factor, self.cache_write * factor,
            self.output * factor,
        )  # fmt: skip

    @property
    def dearest_prompt(self) -> Decimal:
        """Most that one prompt token can cost."""
        return max(self.input, self.cached_input, self.cache_write)


class PriceSheet(Struct, frozen=True):
    """Prices of one model at one time.

    Attributes:
        rates: prices of an ordinary line.
        version: where they come from, e.g. "genai-prices 0.2.3 gpt-6-luna batch".
        tier: "batch", "standard", "flex" or "background".
        long_context: (tokens, rates), ascending: a line with more prompt tokens than that is
            priced by these rates as a whole.
        window: the completion window of background responses whose discount the rates hold.
        standard: what counts for an answer that does not name this window; None without a discount.
    """

    rates: Rates
    version: str
    tier: Tier
    long_context: tuple[tuple[int, Rates], ...] = ()
    window: str = ""
    standard: PriceSheet | None = None

    def __post_init__(self) -> None:
        """Refuse thresholds that do not ascend with a ValueError."""
        thresholds = [above for above, _ in self.long_context]
        if thresholds != sorted(set(thresholds)):
            raise ValueError("long-context thresholds ascend")

    def discounted(self, window: str, discount: Decimal) -> PriceSheet:
        """Sheet of background responses in `window`, which cost `discount` (0.4) less."""
        if not discount:
            return replace(self, tier="background")
        long = tuple((above, rates.times(1 - discount)) for above, rates in self.long_context)
        version = f"{self.version} less {discount.normalize():f} within {window}, as configured"
        return PriceSheet(self.rates.times(1 - discount), version, "background", long, window, self)

    def at(self, window: str) -> PriceSheet:
        """Sheet of an answer that names this completion window, "" for none."""
        return self if self.standard is None or window == self.window else self.standard

    def rates_for(self, prompt_tokens: int) -> Rates:
        """Rates of a line with so many prompt tokens."""
        chosen = self.rates
        for above, rates in self.long_context:
            if prompt_tokens > above:
                chosen = rates
        return chosen

    def to_text(self) -> str:
        """Compact JSON (fits into 512 characters of batch metadata), read by `from_text`."""
        value = {
            "version": self.version,
            "tier": self.tier,
            "rates": _rates_list(self.rates),
            "long": [[above, *_rates_list(rates)] for above, rates in self.long_context],
        }
        if self.standard is not None:
            value |= {"window": self.window, "standard": self.standard.to_text()}
        return json.dumps(value, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Sheet that `to_text` wrote.

        Raises:
            ValueError: not such a text.
        """
        try:
            value = json.loads(text)
            if value["tier"] not in get_args(Tier):
                raise ValueError(value["tier"])
            long = tuple((int(above), _rates(prices)) for above, *prices in value["long"])
            tier = cast(Tier, value["tier"])
            standard = cls.from_text(value["standard"]) if "standard" in value else None
            window = str(value.get("window", ""))
            return cls(_rates(value["rates"]), str(value["version"]), tier, long, window, standard)
        except (ValueError, TypeError, KeyError, DecimalException) as error:
            raise ValueError(f"not a price sheet: {text[:80]!r}") from error


LOCAL_FREE = PriceSheet(Rates(*[Decimal(0)] * 4), "local: free", "batch")
"""The built-in captioner costs nothing."""


def line_cost(usage: Usage, sheet: PriceSheet) -> Nano:
    """Price of one answered line in nano-dollars, rounded up.

    Each line is priced by itself: a batch's totals would fall into the long-context prices.

    Raises:
        ImpossibleUsage: a negative count, more cached than prompt, more reasoning than
            completion tokens, or absurdly many.
    """
    _check(usage)
    rates = sheet.rates_for(usage.prompt)
    return _total(
        (usage.prompt - usage.cached - usage.cache_write, rates.input),
        (usage.cached, rates.cached_input),
        (usage.cache_write, rates.cache_write),
        (usage.completion, rates.output),
    )


def line_max_cost(upper_prompt_tokens: int, max_completion_tokens: int, sheet: PriceSheet) -> Nano:
    """Upper bound in nano-dollars for any line within these token counts.

    Every prompt token is taken at the dearest of its prices, in the dearest of the price tiers
    that such a line can fall into.

    Raises:
        ImpossibleUsage: a negative count.
    """
    _check(Usage(prompt=upper_prompt_tokens, completion=max_completion_tokens))
    reachable = [sheet.rates]
    reachable += [rates for above, rates in sheet.long_context if upper_prompt_tokens > above]
    return max(
        _total(
            (upper_prompt_tokens, rates.dearest_prompt),
            (max_completion_tokens, rates.output),
        )
        for rates in reachable
    )


def parse_usd(text: str) -> Nano | None:
    """Nano-dollars of an amount in plain digits, "0.5"; None for anything else."""
    dollars, point, decimals = text.partition(".")
    digits = dollars + decimals
    if not (digits.isascii() and digits.isdigit() and dollars) or len(dollars) > 9:
        return None
    if len(decimals) > 9 or (point and not decimals):
        return None
    return int(dollars) * NANO_PER_USD + int(decimals.ljust(9, "0"))


def nano_usd(amount: Decimal) -> Nano:
    """Nano-dollars of an amount in dollars, exactly.

    Raises:
        ValueError: finer than a nano-dollar, or above a billion dollars.
    """
    nano = amount * NANO_PER_USD
    if nano != nano.to_integral_value() or nano > 10**18:
        raise ValueError("an amount has at most nine decimals and is below a billion dollars")
    return int(nano)


_ROUNDED_TO_ONE = Decimal("0.99995")  # from here on four decimals would show "$1.0000"


def format_usd(nano: Nano) -> str:
    """Nano-dollars for people: "$12.34", "$0.0123", "$0.000048"; exact zero is "$0.00".

    Two decimals from a dollar on, four below, and below $0.001 as many as two digits need.
    """
    with localcontext(Context(prec=60)):
        dollars = Decimal(abs(nano)) / NANO_PER_USD
        decimals = 2 if dollars >= _ROUNDED_TO_ONE or not nano else 4
        if 0 < dollars < Decimal("0.001"):
            decimals = min(9, 1 - dollars.adjusted())
        shown = dollars.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{'-' if nano < 0 else ''}${shown:,f}"


def usd_or(nano: Nano | None, unknown: str) -> str:
    """Nano-dollars for people, or the words for an amount that is not known."""
    return unknown if nano is None else format_usd(nano)


def usd_text(nano: Nano) -> str:
    """Nano-dollars as dollars, exactly, with at least two decimals: "5.00", "0.000125"."""
    dollars, rest = divmod(abs(nano), NANO_PER_USD)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}{dollars}.{decimals}"


def dollars(nano: Nano | None) -> Decimal | None:
    """Nano-dollars as dollars, exactly; None for what is not known."""
    return None if nano is None else Decimal(nano) / NANO_PER_USD


def with_usd(figures: Mapping[str, object]) -> dict[str, object]:
    """Figures with dollars as text beside each amount in nano-dollars: `cost_usd` beside
    `cost_nano_usd`."""
    result: dict[str, object] = {}
    for key, value in figures.items():
        result[key] = value
        if key.endswith(_NANO):
            result[f"{key.removesuffix(_NANO)}_usd"] = (
                usd_text(value) if isinstance(value, int) else None
            )
    return result


def _check(usage: Usage) -> None:
    counts = (usage.prompt, usage.cached, usage.cache_write, usage.completion, usage.reasoning)
    if min(counts) < 0:
        raise ImpossibleUsage(f"a token count is negative: {usage}")
    if usage.cached + usage.cache_write > usage.prompt:
        raise ImpossibleUsage(f"more cached tokens than prompt tokens: {usage}")
    if usage.reasoning > usage.completion:
        raise ImpossibleUsage(f"more reasoning tokens than completion tokens: {usage}")
    if max(counts) > 10**12:
        raise ImpossibleUsage(f"no line has so many tokens: {usage}")


def _total(*parts: tuple[int, Decimal]) -> Nano:
    exact = Decimal(0)
    for tokens, price in parts:
        if tokens:
            exact = _EXACT.fma(tokens, price, exact)
    return int(exact.to_integral_value(ROUND_CEILING))


def _rates_list(rates: Rates) -> list[str]:
    prices = (rates.input, rates.cached_input, rates.cache_write, rates.output)
    return [str(price) for price in prices]


def _rates(prices: list[str]) -> Rates:
    return Rates(*(Decimal(price) for price in prices))
