"""Fields of a structured answer as a person writes them, held against its JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.errors import UsageError

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}


def check_fields(fields: Mapping[str, Any], schema: Mapping[str, Any] | None) -> None:
    """Refuse fields that the schema of the answer does not allow; "caption" is not among them.

    Raises:
        UsageError: names the field, and what it must be.
    """
    properties = dict((schema or {}).get("properties") or {})
    properties.pop("caption", None)
    for name, value in fields.items():
        if name not in properties:
            raise UsageError(f"the answer has no field {name!r}")
        _check(value, properties[name], name)


def _check(value: Any, node: Mapping[str, Any], name: str) -> None:
    if "enum" in node and value not in node["enum"]:
        choice = ", ".join(str(one) for one in node["enum"])
        raise UsageError(f"{name} must be one of {choice}")
    if "const" in node and value != node["const"]:
        raise UsageError(f"{name} must be {node['const']}")
    kinds = node.get("type")
    if kinds is not None:
        _check_type(value, [kinds] if isinstance(kinds, str) else kinds, name)
    if "anyOf" in node:
        _check_any(value, node["anyOf"], name)
    if isinstance(value, list):
        for number, item in enumerate(value, start=1):
            _check(item, node.get("items") or {}, f"{name}, entry {number}")
    if isinstance(value, dict):
        _check_object(value, node, name)


def _check_type(value: Any, kinds: list[str], name: str) -> None:
    fits = any(
        isinstance(value, _TYPES.get(kind, (object,)))
        and (kind in ("boolean",) or not isinstance(value, bool) or kind not in _TYPES)
        for kind in kinds
    )
    if not fits:
        raise UsageError(f"{name} must be {' or '.join(_WORDS.get(kind, kind) for kind in kinds)}")


def _check_any(value: Any, nodes: list[Mapping[str, Any]], name: str) -> None:
    problems = []
    for node in nodes:
        try:
            _check(value, node, name)
        except UsageError as error:
            problems.append(error)
    if len(problems) == len(nodes):
        raise problems[0]


def _check_object(value: Mapping[str, Any], node: Mapping[str, Any], name: str) -> None:
    properties = node.get("properties") or {}
    for missing in sorted(set(node.get("required") or ()) - set(value)):
        raise UsageError(f"{name} lacks {missing}")
    for key, item in value.items():
        if key in properties:
            _check(item, properties[key], f"{name}.{key}")
        elif node.get("additionalProperties") is False:
            raise UsageError(f"{name} has no {key}")
