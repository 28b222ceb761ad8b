"""Money, times and sizes as people write them, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from pipeline.core.catalogue import parse_decimal
from pipeline.core.pricing import nano_usd, usd_text

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}  # fmt: skip
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def parse_money(value: object) -> int:
    """US dollars ("5.00", 5, 0.25) as whole nano-dollars, exactly.

    Raises:
        ValueError: not money, or finer than a nano-dollar.
    """
    return nano_usd(parse_decimal(value))


def parse_seconds(value: object) -> int:
    """Time such as "24h", "10m", "90s", "30d", or whole seconds.

    Raises:
        ValueError: none of these.
    """
    return _parse(value, _SECONDS, "s", 'write a time such as "90s", "10m", "24h" or "30d"')


def parse_bytes(value: object) -> int:
    """Size such as "200MB" (decimal), "1.5GB", "64MiB", or whole bytes.

    Raises:
        ValueError: none of these.
    """
    return _parse(value, _BYTES, "B", 'write a size such as "200MB" or "2GB"')


def _parse(value: object, units: dict[str, int], base: str, advice: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError(advice)
    quantity = _QUANTITY.fullmatch(str(value))
    factor = units.get(quantity[2] or base) if quantity else None
    if quantity is None or factor is None:
        raise ValueError(advice)
    number = Decimal(quantity[1]) * factor
    if number != number.to_integral_value():
        raise ValueError(advice)
    return int(number)


def parse_colour(value: object) -> str:
    """Colour as "#rrggbb", lower-case.

    Raises:
        ValueError: not one.
    """
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise ValueError('write a colour such as "#ffffff"')
    return value.lower()


def seconds_text(seconds: int) -> str:
    """Seconds in the largest unit that fits exactly: "24h", "90s"."""
    return _text(seconds, {"s": 1, "m": 60, "h": 3600})


def bytes_text(count: int) -> str:
    """Bytes in the largest decimal unit that fits exactly: "200MB"."""
    return _text(count, {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9})


def _text(value: int, units: dict[str, int]) -> str:
    for unit, factor in sorted(units.items(), key=lambda pair: -pair[1]):
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return f"0{min(units, key=lambda unit: units[unit])}"


class Shown:
    """Marks a field with the function that writes its value."""

    def __init__(self, write: Callable[[int], str]) -> None:
        self.write = write


Usd = Annotated[int, BeforeValidator(parse_money), Shown(usd_text)]
"""Nano-dollars, written as US dollars."""


def _no_cap(value: object) -> object:
    return None if value == "none" else value


Cap = Annotated[Usd | None, BeforeValidator(_no_cap)]
"""A cap in nano-dollars; "none", as None, is no cap."""

Share = Annotated[Decimal, BeforeValidator(parse_decimal), Field(le=10)]
"""A part of one: 0.25 is 25 %."""

Seconds = Annotated[int, BeforeValidator(parse_seconds), Shown(seconds_text)]
Bytes = Annotated[int, BeforeValidator(parse_bytes), Shown(bytes_text)]
Colour = Annotated[str, BeforeValidator(parse_colour)]
