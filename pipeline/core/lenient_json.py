"""JSON from elsewhere: strict and quick first, then as leniently as its text allows."""

from __future__ import annotations

import json
import math
import re

import orjson

_DIGITS = 18  # more do not fit into 64 bits; orjson gives a float for them, so do we
_SURROGATE = re.compile("[\ud800-\udfff]")
_DAMAGE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # control characters but \t, \n and \r
_DEPTH = 64
_NO_NUMBERS = {math.inf: "Infinity", -math.inf: "-Infinity"}


class Unreadable(ValueError):
    """Error of bytes that are no JSON; the message says why in plain words."""


def parse_json(raw: bytes | str) -> object:
    """Value of a JSON text.

    Bytes that are not UTF-8, NaN, lone surrogates and endless integers do not cost us the rest
    of the line: they become U+FFFD, a float NaN, U+FFFD after `storable_text`, and a float. Raw
    newlines in a text, which small models write, are read as what they are.

    Raises:
        Unreadable: nothing can be made of it.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_int=_integer, strict=_is_damaged(text))
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"it is not JSON ({error})") from None


def storable_text(text: str) -> str:
    """`text` with lone surrogates replaced, which no UTF-8 can hold.

    Zero characters stay: the ledger, the table and the texts beside images hold them."""
    if text.isprintable():  # a surrogate is not, and most captions are
        return text
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def storable_value(value: object, depth: int = 0) -> object:
    """Copy a JSON value with storable texts only; NaN and infinities become their names.

    Raises:
        Unreadable: more than 64 levels.
    """
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return _NO_NUMBERS.get(value, "NaN")
    if depth > _DEPTH:
        raise Unreadable("it is nested too deeply")
    if isinstance(value, list):
        return [storable_value(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): storable_value(item, depth + 1) for key, item in value.items()}
    return value


def _is_damaged(text: str) -> bool:
    return _DAMAGE.search(text) is not None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)
