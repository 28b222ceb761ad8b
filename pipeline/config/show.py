"""Configuration written as TOML again."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import tomlkit
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from tomlkit.items import AbstractTable, Item

from pipeline.config.units import Shown

HIDDEN = "[hidden]"


def to_toml(config: BaseModel) -> str:
    """Every key with its value; what is not set stands as a comment."""
    document = tomlkit.document()
    sections = []
    for key, value, field in _fields(config):
        if isinstance(value, BaseModel):
            sections.append((key, _table(value)))
        elif isinstance(value, Mapping):
            sections += [(key, _tables(value))] if value else []
        else:
            _put(document, key, value, field)
    for key, section in sections:
        document.add(tomlkit.nl())
        document.add(key, section)
    return tomlkit.dumps(document).strip() + "\n"


def _fields(model: BaseModel) -> Iterator[tuple[str, Any, FieldInfo]]:
    """(key as it is written, value, field) of each field."""
    for name, field in type(model).model_fields.items():
        yield field.alias or name, getattr(model, name), field


def _table(model: BaseModel) -> AbstractTable:
    table = tomlkit.table()
    for key, value, field in _fields(model):
        _put(table, key, value, field)
    return table


def _tables(models: Mapping[str, BaseModel]) -> AbstractTable:
    """Tables of names that people chose: [models."gpt-6-luna"]."""
    tables = tomlkit.table(is_super_table=True)
    for name, model in models.items():
        tables.add(tomlkit.key(name), _table(model))
    return tables


def _put(table: Any, key: str, value: object, field: FieldInfo) -> None:
    if value is None:
        table.add(tomlkit.comment(f"{key} is not set"))
    else:
        table.add(key, _item(_hidden(key, value), field))


def _hidden(key: str, value: object) -> object:
    """Mask whatever in the value may be a secret."""
    if key == "headers" and isinstance(value, Mapping):
        return dict.fromkeys(value, HIDDEN)
    if key == "url" and isinstance(value, str):
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}"
    return value


def _item(value: object, field: FieldInfo | None = None) -> Item:
    """Value as TOML; amounts, times and sizes as their field says that people write them."""
    if isinstance(value, BaseModel):
        pairs = [(key, _item(v, f)) for key, v, f in _fields(value) if v is not None]
        return _inline(pairs)
    if isinstance(value, Mapping):
        return _inline([(str(key), _item(below)) for key, below in value.items()])
    if isinstance(value, (list, tuple)):
        array = tomlkit.array()
        array.extend(_item(below) for below in value)
        return array
    if isinstance(value, Decimal):
        return tomlkit.value(format(value, "f"))
    if isinstance(value, Fraction):
        return tomlkit.item(_factor_text(value))
    shown = _shown(field) if field and isinstance(value, int) else None
    return tomlkit.item(shown.write(value) if shown and isinstance(value, int) else value)


def _inline(pairs: Iterable[tuple[str, Item]]) -> Item:
    table = tomlkit.inline_table()
    for key, item in pairs:
        table.append(tomlkit.key(key), item)
    return table


def _factor_text(value: Fraction) -> str:
    """Decimals of a factor where they end, else the fraction: "1.2", "1/3"."""
    decimal = Decimal(value.numerator) / Decimal(value.denominator)
    return format(decimal, "f") if Fraction(decimal) == value else str(value)


def _shown(field: FieldInfo) -> Shown | None:
    marks = (*field.metadata, *_marks(field.annotation))
    return next((mark for mark in marks if isinstance(mark, Shown)), None)


def _marks(annotation: object) -> Iterator[object]:
    yield from getattr(annotation, "__metadata__", ())
    for part in typing.get_args(annotation):
        yield from _marks(part)
