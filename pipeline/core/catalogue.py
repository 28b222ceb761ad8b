"""Tables of models and prices: the one schema of the catalogue and of a configuration.

`providers/models.toml` and the tables `[models."PATTERN"]` and `[prices."MODEL"]` of a
configuration are parsed by these classes, wherever they come from.
"""

from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.core.endings import known_ending

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Endpoint = Literal["/v1/chat/completions", "/v1/responses"]
ShrinkDetail = Literal["low", "high", "original"]

_SMALLEST, _LARGEST = Fraction(1, 100), 1000
_PRICE_DIGITS = 18


def parse_decimal(value: object) -> Decimal:
    """Exact number from text, an int or a TOML number; floats are refused, they are not exact.

    Raises:
        ValueError: not a finite number of zero or more.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("write a number, such as 5 or 0.25")
    text = value.strip().removeprefix("$").strip() if isinstance(value, str) else value
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("write a number, such as 5 or 0.25") from None
    if not number.is_finite() or number < 0:
        raise ValueError("it must be zero or more")
    return number


def _parse_factor(value: object) -> Fraction:
    """Parse an exact factor as it is written: 1.2 is 6/5, as text or as a TOML number."""
    try:
        number = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        number = Fraction(0)
    if not _SMALLEST <= number <= _LARGEST:
        raise ValueError("write a number from 0.01 to 1000")
    return number


def _checked_price(price: Decimal) -> Decimal:
    if price > 1_000_000 or len(price.as_tuple().digits) > _PRICE_DIGITS:
        raise ValueError("a price is between 0 and 1000000 US dollars")
    return price


def _checked_ending(word: str) -> str:
    meaning = known_ending(word)
    if meaning not in ("unknown", "whole"):
        raise ValueError(f"{word!r} is no whole ending: it is known to mean {meaning!r}")
    return word.strip().lower()


Count = Annotated[int, Field(ge=1)]
Ending = Annotated[str, AfterValidator(_checked_ending)]
Factor = Annotated[Fraction, BeforeValidator(_parse_factor)]
Price = Annotated[Decimal, BeforeValidator(parse_decimal), AfterValidator(_checked_price)]
"""US dollars for a million tokens, exact."""


class StrictTable(BaseModel):
    """Table of TOML: frozen, every key is known, nothing is converted on the quiet.

    Modules of such tables are without `from __future__ import annotations`, which would let
    pydantic evaluate each annotation by itself: a fiftieth of the CPU of `status`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def set_values(self) -> dict[str, Any]:
        """Values by key, without those that are None."""
        return {key: value for key, value in self if value is not None}


class PriceTable(StrictTable):
    """[prices."MODEL"]: US dollars for a million tokens, as billed where requests go."""

    input: Price
    output: Price
    cached_input: Price | None = None
    cache_write: Price | None = None


class LimitTable(StrictTable):
    """Limits that a detail shrinks an image to: pixels of the long side, and patches."""

    max_side: Count
    max_patches: Count | None = None


class ImageTable(StrictTable):
    """[models."PATTERN".image]: how image tokens are counted; the keys of both rules.

    Tables cascade, so each may hold some of a rule's keys only.
    """

    rule: Literal["patch", "tile"] | None = None
    multiplier: Factor | None = None
    dearest_multiplier: Factor | None = None
    low: LimitTable | None = None
    high: LimitTable | None = None
    original: LimitTable | None = None
    auto: ShrinkDetail | None = None
    most_patches: Count | None = None
    base: Count | None = None
    tile: Count | None = None


class ModelTable(StrictTable):
    """[models."PATTERN"]: what is known of the models whose name the pattern matches.

    `like` names a model whose description applies to these too.
    """

    like: Annotated[str, Field(min_length=1)] | None = None
    detail: ShrinkDetail | None = None
    reasoning_effort: Effort | None = None
    reasoning_efforts: Annotated[tuple[Effort, ...], Field(strict=False)] | None = None
    min_completion_tokens: Count | None = None
    temperature: bool | None = None
    prompt_cache_options: bool | None = None
    max_tokens_parameter: Literal["max_completion_tokens", "max_tokens"] | None = None
    enqueued_tokens: Count | None = None
    whole_endings: Annotated[tuple[Ending, ...], Field(strict=False)] | None = None
    endpoints: Annotated[tuple[Endpoint, ...], Field(strict=False, min_length=1)] | None = None
    shutdown: date | None = None
    image: ImageTable | None = None
