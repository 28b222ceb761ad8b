"""Values of a table's cells as the texts that prompts and the table of captions take."""

from __future__ import annotations

import decimal
import math

from pipeline.sources.table_rows import MAX_FIELD
from pipeline.storage.containers.value_text import value_text


def text_of(value: object) -> str | None:
    """Text of a value, None for one that is missing (null, NaN).

    Truth values are `true` and `false`, times ISO 8601, lists and objects JSON, bytes their UTF-8
    or else hexadecimal.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, decimal.Decimal):
        return None if value.is_nan() else f"{value:f}"
    return _bytes_text(value) if isinstance(value, bytes) else value_text(value)


def has_long_field(fields: tuple[str | None, ...]) -> bool:
    """Tell whether a value is longer than a field may be."""
    return any(field is not None and len(field) > MAX_FIELD for field in fields)


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
