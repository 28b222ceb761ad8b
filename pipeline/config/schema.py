"""Answer's JSON schema, checked against what the service's strict mode takes.

Source: OpenAI's guide "Structured outputs": the root is an object, every property is required,
additionalProperties is false on every object; keys come back in the schema's order, so the
caption comes first and is whole even when the rest is cut off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_MOST_DEPTH = 10
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


def checked_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` itself when the service would take it.

    Raises:
        ValueError: says where and what is wrong.
    """
    for where, problem in _problems(schema, "the root", 0):
        raise ValueError(f"{where} {problem}")
    properties = schema["properties"]
    first = next(iter(properties), None)
    if first != "caption" or properties[first].get("type") != "string":
        raise ValueError('the first property must be "caption" with type "string"')
    for name in properties:
        if not _NAME.fullmatch(name):
            raise ValueError(f"the property {name!r} becomes a column: use letters, digits and _")
    return schema


def _problems(node: object, where: str, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(node, Mapping):
        yield where, "must be a table"
        return
    if depth > _MOST_DEPTH:
        yield where, f"is nested deeper than {_MOST_DEPTH} levels"
        return
    if depth == 0 and node.get("type") != "object":
        yield where, 'must have type = "object"'
    properties = node.get("properties")
    if depth == 0 and not (isinstance(properties, Mapping) and properties):
        yield where, "must have properties"
        return
    if isinstance(properties, Mapping):
        yield from _object_problems(node, properties, where)
        for name, below in properties.items():
            yield from _problems(below, f"property {name!r}", depth + 1)
    if "items" in node:
        yield from _problems(node["items"], f"the items of {where}", depth + 1)
    choices = node.get("anyOf")
    for number, choice in enumerate(choices if isinstance(choices, list) else ()):
        yield from _problems(choice, f"choice {number + 1} of {where}", depth + 1)


def _object_problems(
    node: Mapping[str, Any], properties: Mapping[str, Any], where: str
) -> Iterator[tuple[str, str]]:
    if node.get("additionalProperties") is not False:
        yield where, "must have additionalProperties = false"
    listed = node.get("required")
    required = listed if isinstance(listed, list) else []
    missing = [name for name in properties if name not in required]
    if missing:
        yield where, f"must list in required: {', '.join(missing)}"
    unknown = [str(name) for name in required if name not in properties]
    if unknown:
        yield where, f"requires what it does not have: {', '.join(unknown)}"
