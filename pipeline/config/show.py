"""A configuration written as TOML again."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from urllib.parse import urlsplit

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.config.units import Shown

HIDDEN = "[hidden]"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(config: BaseModel) -> str:
    """Every key with its value; what is not set stands as a comment."""
    return "\n".join(_tables(config, "")).strip() + "\n"


def _tables(model: BaseModel, name: str) -> Iterator[str]:
    tables = []
    if name:
        yield f"\n[{name}]"
    for field_name, field in type(model).model_fields.items():
        key = field.alias or field_name
        value = getattr(model, field_name)
        if isinstance(value, BaseModel) and not name:
            tables.append((key, value))
        elif isinstance(value, dict) and not name:
            tables += [(f"{key}.{_key(below)}", table) for below, table in value.items()]
        else:
            yield _line(key, value, field)
    for below, table in tables:
        yield from _tables(table, below)


def _line(key: str, value: object, field: FieldInfo) -> str:
    if value is None:
        return f"# {key} is not set"
    if key == "headers" and isinstance(value, Mapping):
        value = dict.fromkeys(value, HIDDEN)
    if key == "url" and isinstance(value, str):
        parts = urlsplit(value)
        value = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}"
    return f"{_key(key)} = {_written(value, field)}"


def _written(value: object, field: FieldInfo) -> str:
    writer = next(
        (mark for mark in (*field.metadata, *_marks(field.annotation)) if isinstance(mark, Shown)),
        None,
    )
    return _value(writer.write(value) if writer and isinstance(value, int) else value)


def _marks(annotation: object) -> Iterator[object]:
    yield from getattr(annotation, "__metadata__", ())
    for part in typing.get_args(annotation):
        yield from _marks(part)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, BaseModel):
        pairs = {
            field.alias or name: _written(getattr(value, name), field)
            for name, field in type(value).model_fields.items()
            if getattr(value, name) is not None
        }
        return _inline(pairs)
    if isinstance(value, Mapping):
        return _inline({str(key): _value(below) for key, below in value.items()})
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(item) for item in value)}]"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _inline(pairs: Mapping[str, str]) -> str:
    inside = ", ".join(f"{_key(key)} = {value}" for key, value in pairs.items())
    return f"{{ {inside} }}" if inside else "{}"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
