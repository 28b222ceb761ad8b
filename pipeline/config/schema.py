"""Answer's JSON schema, checked against what the service's strict mode takes.

Source: OpenAI's guide "Structured outputs": the root is an object, every property is required,
additionalProperties is false on every object, each node has a type, and some keywords are not
known; keys come back in the schema's order, so the caption comes first and is whole even when the
rest is cut off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.json_schema import alternatives, properties_of, resolved, types_of

_MOST_DEPTH = 10
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_REFUSED = ("oneOf", "allOf", "not", "if", "then", "else", "patternProperties",
            "dependentRequired", "dependentSchemas")  # fmt: skip
_INSTEAD: Mapping[str, str] = {"oneOf": "write anyOf", "allOf": "write its parts as one"}
_TELLS = ("type", "anyOf", "$ref", "enum", "const")  # what tells the type of a node
_ROOT = "#"

_Problem = tuple[str, str]


def checked_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` itself when the service would take it.

    Raises:
        ValueError: says where, as a JSON pointer, and what is wrong.
    """
    for where, problem in _problems(schema, schema, _ROOT, 0):
        raise ValueError(f"{'the root' if where == _ROOT else where} {problem}")
    properties = properties_of(schema)
    first = next(iter(properties))
    if first != "caption" or not _is_text(properties[first], schema):
        raise ValueError('the first property must be "caption" with type "string"')
    for name in properties:
        if not _NAME.fullmatch(name):
            raise ValueError(f"the property {name!r} becomes a column: use letters, digits and _")
    return schema


def _is_text(node: object, root: Mapping[str, Any]) -> bool:
    return all(types_of(choice) == {"string"} for choice in alternatives(node, root))


def _problems(node: object, root: Mapping[str, Any], where: str, depth: int) -> Iterator[_Problem]:
    """Give each problem of a node and of what is in it, with its place."""
    if not isinstance(node, Mapping):
        yield where, "must be a table"
        return
    if depth > _MOST_DEPTH:
        yield where, f"is nested deeper than {_MOST_DEPTH} levels"
        return
    if where == _ROOT:
        yield from ((where, problem) for problem in _root_problems(node))
    yield from ((where, problem) for problem in _own_problems(node, root))
    for name, child in properties_of(node).items():
        yield from _problems(child, root, f"{where}/properties/{name}", depth + 1)
    if "items" in node:
        yield from _problems(node["items"], root, f"{where}/items", depth + 1)
    several = node.get("anyOf")
    for number, choice in enumerate(several if isinstance(several, list) else ()):
        yield from _problems(choice, root, f"{where}/anyOf/{number}", depth + 1)
    for key in ("$defs", "definitions"):
        definitions = node.get(key)
        for name, child in definitions.items() if isinstance(definitions, Mapping) else ():
            yield from _problems(child, root, f"{where}/{key}/{name}", 1)


def _root_problems(node: Mapping[str, Any]) -> Iterator[str]:
    if node.get("type") != "object":
        yield 'must have type = "object"'
    if not properties_of(node):
        yield "must have properties"
    if "anyOf" in node:
        yield "must not have anyOf"


def _own_problems(node: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    """Give the problems of a node without those of what is in it."""
    for key in _REFUSED:
        if key in node:
            advice = f": {_INSTEAD[key]}" if key in _INSTEAD else ""
            yield f"has {key}, which strict mode does not take{advice}"
    if "$ref" in node and resolved(node, root) is None:
        yield f"refers to {node['$ref']!r}, which is not there"
    if not any(key in node for key in _TELLS):
        yield "has no type"
    kinds = node.get("type", ())
    kinds = kinds if isinstance(kinds, (list, tuple)) else [kinds]
    unknown = [str(kind) for kind in kinds if kind not in _TYPES]
    if unknown or kinds == []:
        yield f"has a type that is none: {', '.join(unknown) or 'an empty list'}"
    for key in ("enum", "anyOf"):
        if key in node and not (isinstance(node[key], list) and node[key]):
            yield f"has {key}, which must be a list of at least one"
    if "array" in kinds and "items" not in node:
        yield "is an array without items: say of which type they are"
    if "object" in kinds or "properties" in node:
        yield from _object_problems(node)


def _object_problems(node: Mapping[str, Any]) -> Iterator[str]:
    properties = properties_of(node)
    if node.get("additionalProperties") is not False:
        yield "must have additionalProperties = false"
    listed = node.get("required")
    required = listed if isinstance(listed, list) else []
    missing = [name for name in properties if name not in required]
    if missing:
        yield f"must list in required: {', '.join(missing)}"
    unknown = [str(name) for name in required if name not in properties]
    if unknown:
        yield f"requires what it does not have: {', '.join(unknown)}"
