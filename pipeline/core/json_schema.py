"""JSON schemas as Pydantic and people write them: references, choices, kinds, and what is sent.

A node is a mapping; `root` is the whole schema, in which `$ref` points ("#/$defs/Colour").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]

_MOST_REFERENCES = 32  # one after the other; a chain that never ends is a dead one
_MOST_CHOICES = 200


def properties_of(schema: Node | None) -> Node:
    """Properties of an object's schema, in order; empty for anything else."""
    properties = (schema or {}).get("properties")
    return properties if isinstance(properties, Mapping) else {}


def resolved(node: object, root: Node) -> Node | None:
    """Node that `node` refers to, or itself; None where a reference leads nowhere."""
    for _ in range(_MOST_REFERENCES):
        if not isinstance(node, Mapping):
            return None
        reference = node.get("$ref")
        if reference is None:
            return node
        node = _target(reference, root)
    return None


def alternatives(node: object, root: Node, depth: int = 0) -> Iterator[Node]:
    """Nodes without choices that a value may fit: those of `anyOf`, and one a type of a list."""
    target = resolved(node, root)
    if target is None or depth > _MOST_REFERENCES:
        return
    several = target.get("anyOf")
    if isinstance(several, list):
        for choice in several[:_MOST_CHOICES]:
            yield from alternatives(choice, root, depth + 1)
    elif isinstance(target.get("type"), list):
        yield from ({**target, "type": kind} for kind in target["type"])
    else:
        yield target


def types_of(node: Node) -> frozenset[str]:
    """Types of one choice: its own, or those of its words where it names none."""
    kind = node.get("type")
    if isinstance(kind, str):
        return frozenset({kind})
    return frozenset(map(_type_of, words_of_enum(node) or ()))


def words_of_enum(node: Node) -> list[object] | None:
    """Values that `enum` or `const` allow, None where any value is."""
    if "const" in node:
        return [node["const"]]
    words = node.get("enum")
    return words if isinstance(words, list) else None


def strict_schema(schema: Node) -> dict[str, Any]:
    """Give the schema as strict mode takes it, equal in meaning.

    Pydantic writes `default`, which strict mode refuses and which says nothing where every
    property is required, and a description beside a `$ref`, which has to stand alone.
    """
    return _strict_node(schema, schema, frozenset())


def _strict_node(node: Node, root: Node, inside: frozenset[str]) -> dict[str, Any]:
    reference = node.get("$ref")
    if isinstance(reference, str) and len(node) > 1:
        target = _target(reference, root)
        if isinstance(target, Mapping) and reference not in inside:
            beside = {key: value for key, value in node.items() if key != "$ref"}
            return _strict_node({**target, **beside}, root, inside | {reference})
        return {"$ref": reference}  # a schema that holds itself: the reference alone goes
    sent: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "$defs", "definitions") and isinstance(value, Mapping):
            sent[key] = {
                name: _strict_node(child, root, inside) if isinstance(child, Mapping) else child
                for name, child in value.items()
            }
        elif key == "anyOf" and isinstance(value, list):
            sent[key] = [
                _strict_node(child, root, inside) if isinstance(child, Mapping) else child
                for child in value
            ]
        elif key == "items" and isinstance(value, Mapping):
            sent[key] = _strict_node(value, root, inside)
        elif key != "default":
            sent[key] = value
    return sent


def _target(reference: object, root: Node) -> object:
    """Place that a JSON pointer into `root` names, None for nothing."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    place: object = root
    for part in filter(None, reference[1:].split("/")):
        if not isinstance(place, Mapping):
            return None
        place = place.get(part.replace("~1", "/").replace("~0", "~"))
    return place


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
