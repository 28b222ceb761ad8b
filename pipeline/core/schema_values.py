"""JSON values against a JSON schema: converted where that loses nothing, else refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from pipeline.core.json_schema import Node, alternatives, properties_of, types_of, words_of_enum
from pipeline.core.lenient_json import Unreadable, parse_json

INT64 = range(-(2**63), 2**63)

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}(\.0+)?")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LONGEST_VALUE = 120
_MOST_DEPTH = 64
_ARTICLES = {"integer": "an integer", "array": "an array", "object": "an object"}


class Mismatch(ValueError):
    """Value that no conversion brings to its schema; the message names both, and the place."""


def as_integer(value: object) -> int | None:
    """Whole number of 64 bits in a JSON value, None for none.

    >>> as_integer("3"), as_integer(3.0), as_integer(3.7), as_integer(True)
    (3, 3, None, None)
    """
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value.strip().partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return value if is_int and value in INT64 else None  # type: ignore[return-value]


def as_number(value: object) -> float | None:
    """Finite number in a JSON value, None for none.

    >>> as_number("1.5"), as_number("45 %"), as_number(False)
    (1.5, None, None)
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, int) and abs(value) >= 10**308:
        return None
    return float(value) if math.isfinite(value) else None


def as_bool(value: object) -> bool | None:
    """Truth value in a JSON value, None for none.

    >>> as_bool("True"), as_bool(0), as_bool("partly")
    (True, False, None)
    """
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    return None


def as_text(value: object) -> str:
    """Text as it is, any other JSON value as its JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fit_value(node: object, value: object, root: Node, place: str, depth: int = 0) -> object:
    """Bring `value` to the types of a schema's node; `place` names it.

    A null fits everywhere: it is no value, and stays null in every column.

    Raises:
        Mismatch: it cannot be converted without loss.
    """
    if value is None or not isinstance(node, Mapping) or not node or depth > _MOST_DEPTH:
        return value
    options = list(alternatives(node, root))
    faults = []
    # a value that fits as it is must not be converted to an earlier choice of another type
    exact = [option for option in options if _is_exact(option, value)]
    for option in exact or options:
        try:
            return _fit_one(option, value, root, place, depth)
        except Mismatch as mismatch:
            faults.append(mismatch)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        wanted = " or ".join(dict.fromkeys(_wanted(option) for option in options))
        raise _mismatch(place, value, f"not {wanted}")
    return value


def _fit_one(option: Node, value: object, root: Node, place: str, depth: int) -> object:
    """Bring `value` to one choice of the schema."""
    kinds = types_of(option)
    kind = next(iter(kinds)) if len(kinds) == 1 else ""
    fitted = _converted(kind, option, value, root, place, depth)
    words = words_of_enum(option)
    if words is not None and not any(_same(fitted, word) for word in words):
        raise _mismatch(place, value, f"none of {_listed(words)}")
    return fitted


def _converted(
    kind: str, option: Node, value: object, root: Node, place: str, depth: int
) -> object:
    if kind == "array":
        return _fit_array(option, value, root, place, depth)
    if kind == "object":
        return _fit_object(option, value, root, place, depth)
    if kind == "string":
        if isinstance(value, (list, dict)):
            raise _mismatch(place, value, "not a string")
        return as_text(value)
    convert = {"integer": as_integer, "number": as_number, "boolean": as_bool}.get(kind)
    if convert is None:
        if kind == "null":
            raise _mismatch(place, value, "not null")
        return value
    if kind == "number" and isinstance(value, int) and not isinstance(value, bool):
        return value  # 3 is a number, and stays as it was written
    fitted = convert(value)
    if fitted is None:
        raise _mismatch(place, value, f"not {_wanted(option)}")
    return fitted


def _fit_array(option: Node, value: object, root: Node, place: str, depth: int) -> list[object]:
    value = _parsed(value, list)
    if isinstance(value, dict):
        raise _mismatch(place, value, "not an array")
    items = value if isinstance(value, list) else [value]  # one word in place of a list of one
    node = option.get("items")
    return [
        fit_value(node, item, root, f"{place}[{number}]", depth + 1)
        for number, item in enumerate(items)
    ]


def _fit_object(option: Node, value: object, root: Node, place: str, depth: int) -> dict[str, Any]:
    value = _parsed(value, dict)
    if not isinstance(value, dict):
        raise _mismatch(place, value, "not an object")
    properties = properties_of(option)
    missing = [name for name in properties if name not in value]
    if missing:
        raise _mismatch(place, value, f"without {', '.join(missing)}")
    return {
        name: fit_value(properties.get(name), item, root, f"{place}.{name}", depth + 1)
        for name, item in value.items()
    }


def _parsed(value: object, wanted: type) -> object:
    """List or object that was written as a text; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            parsed = parse_json(value)
        except Unreadable:
            return value
        return parsed if isinstance(parsed, wanted) else value
    return value


def _is_exact(option: Node, value: object) -> bool:
    words = words_of_enum(option)
    if words is not None:
        return any(_same(value, word) for word in words)
    kinds = types_of(option)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (
        ("string" in kinds and isinstance(value, str))
        or ("boolean" in kinds and isinstance(value, bool))
        or ("integer" in kinds and number and as_integer(value) is not None)
        or ("number" in kinds and number)
        or ("array" in kinds and isinstance(value, list))
        or ("object" in kinds and isinstance(value, dict))
    )


def _same(one: object, other: object) -> bool:
    """Say whether JSON values are equal: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _wanted(option: Node) -> str:
    words = words_of_enum(option)
    if words is not None:
        return f"one of {_listed(words)}"
    kind = next(iter(types_of(option)), "a value")
    return kind if kind == "null" else _ARTICLES.get(kind, f"a {kind}")


def _listed(words: list[object]) -> str:
    return shortened(", ".join(as_text(word) for word in words))


def _mismatch(place: str, value: object, why: str) -> Mismatch:
    return Mismatch(f"{place}: {bounded_json(value)} is {why}")


def bounded_json(value: object) -> str:
    """Value as JSON, bounded."""
    return shortened(json.dumps(value, ensure_ascii=False))


def shortened(text: str) -> str:
    """Text, cut off where it is long."""
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
