"""Strict JSON schemas of a request: what is refused, and an answer that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.server.refusals import ApiError, invalid

_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_LABEL_NAMES = ("tags", "objects", "labels", "keywords", "subjects")
_CAPTION_NAMES = ("caption", "description", "text_description", "summary", "title", "alt_text")


def check_strict(schema: object, param: str, *, strict: bool) -> Mapping[str, Any]:
    """Schema itself, if the service would take it.

    Raises:
        Refused: not a schema, or against the rules of strict mode (root object, every property
            required, `additionalProperties: false`).
    """
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise _bad(param, "schema must be a JSON Schema of 'type: \"object\"'")
    if strict:
        _check_node(schema, param, ())
    return schema


def _check_node(node: object, param: str, path: tuple[str, ...]) -> None:
    place = f"In context={path}, "
    if not isinstance(node, dict):
        raise _bad(param, f"{place}a schema must be an object")
    for kind in _kinds(node):
        if kind not in _TYPES:
            raise _bad(param, f"{place}'{kind}' is not a type")
    if "object" in _kinds(node):
        properties = node.get("properties", {})
        if node.get("additionalProperties") is not False:
            raise _bad(param, f"{place}'additionalProperties' is required to be false")
        if set(node.get("required", ())) != set(properties):
            raise _bad(param, f"{place}'required' must include every key in properties")
        for name, child in properties.items():
            _check_node(child, param, (*path, name))
    if "array" in _kinds(node):
        _check_node(node.get("items"), param, (*path, "items"))
    for child in node.get("anyOf", ()):
        _check_node(child, param, (*path, "anyOf"))


def _bad(param: str, why: str) -> ApiError:
    return invalid(f"Invalid schema for {param}: {why}.", param, "invalid_json_schema")


def _kinds(node: Mapping[str, Any]) -> Sequence[str]:
    kind = node.get("type", ())
    return (kind,) if isinstance(kind, str) else tuple(kind)


def fill(schema: Mapping[str, Any], caption: str, labels: Sequence[str]) -> dict[str, Any]:
    """Answer that is valid for `schema`, with its keys in schema order.

    The caption goes to the first property with a name for it (else the first plain string),
    `labels` to string arrays named like tags; everything else is empty, zero or false.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    target = _caption_property(properties)
    return {
        name: caption if name == target else _fill_value(name, node, labels)
        for name, node in properties.items()
    }


def _caption_property(properties: Mapping[str, Any]) -> str | None:
    plain = [
        name for name, node in properties.items() if "string" in _kinds(node) and "enum" not in node
    ]
    named = [name for name in plain if name in _CAPTION_NAMES]
    return next(iter(named or plain), None)


def _fill_value(name: str, node: Mapping[str, Any], labels: Sequence[str]) -> Any:
    if "const" in node:
        return node["const"]
    if node.get("enum"):
        return node["enum"][0]
    if node.get("anyOf"):
        return _fill_value(name, node["anyOf"][0], labels)
    kinds = _kinds(node)
    kind = kinds[0] if kinds else "null"
    if kind == "object":
        properties: Mapping[str, Any] = node.get("properties", {})
        return {key: _fill_value(key, child, labels) for key, child in properties.items()}
    if kind == "array":
        items = node.get("items", {})
        free = "string" in _kinds(items) and "enum" not in items
        return list(labels) if free and name in _LABEL_NAMES else []
    return {"string": "", "number": 0, "integer": 0, "boolean": False}.get(kind)
