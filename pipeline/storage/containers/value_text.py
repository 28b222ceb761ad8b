"""Text of a value of a table or of JSON, as a column of an image."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def value_text(value: Any) -> str:
    """Text of a value of a table or of JSON, "" for none.

    >>> value_text(True), value_text(2.0), value_text(None), value_text(["a", 1])
    ('true', '2.0', '', '["a", 1]')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | Mapping):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.replace("\0", " ").encode("utf-8", "replace").decode()
