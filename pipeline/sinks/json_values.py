"""Exported values as JSON: money as text, so that no reader makes a float of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import orjson

from pipeline.sinks.exported import Values


def json_line(values: Values) -> str:
    """Values as one line of JSON without its newline; lone surrogates are none of them."""
    return orjson.dumps(dict(values), default=_plain, option=orjson.OPT_UTC_Z).decode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
