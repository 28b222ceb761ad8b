"""Structured answers: the caption and the other fields of a JSON text, also of a broken one."""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import Struct, field

from pipeline.core.answer_schema import SCHEMA_MISMATCH, AnswerSchema
from pipeline.core.lenient_json import Unreadable, parse_json, storable_text, storable_value
from pipeline.core.printable import words_of


class Structured(Struct, frozen=True):
    """Structured answer, as far as it can be read.

    Attributes:
        caption: the caption, or the whole text where none can be told.
        fields: others, in the types of the schema; what does not fit stays as it came.
        fault: what is wrong with it, "" for nothing.
        code: of the fault, "" where it has none of its own.
        note: what the answer holds beyond its schema, "" for nothing.
        unwrapped: true when the JSON stood in a fence, behind a sentence or in a JSON string.
    """

    caption: str
    fields: Mapping[str, object] = field(default_factory=dict)
    fault: str = ""
    code: str = ""
    note: str = ""
    unwrapped: bool = False


def read_structured(text: str, schema: AnswerSchema, version: int) -> Structured:
    """Caption and fields in `text`, by the rules of `version`."""
    if version == 1:
        return _by_version_1(text, schema)
    try:
        value, unwrapped = _value(text)
    except Unreadable as error:
        return _broken(text, error)
    if not isinstance(value, dict):
        return Structured(text, fault="the answer is no object")
    fitted = schema.fitted({name: item for name, item in value.items() if name != "caption"})
    fault = _fault(value, schema)
    extra = fitted.extra and f"the answer also holds {fitted.extra}"
    words = words_of("; ".join(filter(None, (fault, fitted.mismatch, extra))))
    failed = bool(fault or fitted.mismatch)
    return Structured(
        caption=_caption(value) or text,
        fields=fitted.values,
        fault=words if failed else "",
        code=SCHEMA_MISMATCH if failed and not fault else "",
        note="" if failed else words,
        unwrapped=unwrapped,
    )


def _by_version_1(text: str, schema: AnswerSchema) -> Structured:
    """Answer as captionmill 0.2 read it: nothing is converted, and a raw newline or a NaN breaks
    it."""
    try:
        json.loads(text, parse_constant=_refuse, parse_int=float)
        value = storable_value(parse_json(text))
    except Unreadable as error:
        return _broken(text, error)
    except (ValueError, RecursionError) as error:
        return _broken(text, Unreadable(str(error)))
    if not isinstance(value, dict):
        return Structured(text, fault="the answer is no object")
    fields = {name: value[name] for name in schema.fields if name in value and name != "caption"}
    return Structured(_caption(value) or text, fields, _fault(value, schema))


def _value(text: str) -> tuple[object, bool]:
    """(JSON value, whether it was unwrapped) of a text.

    Raises:
        Unreadable: it holds no whole JSON.
    """
    try:
        value = storable_value(parse_json(text))
    except Unreadable:
        inner = _inner(text)
        if inner is None:
            raise
        return inner, True
    inner = _inner(value) if isinstance(value, str) else None
    return (value, False) if inner is None else (inner, True)


def _broken(text: str, error: Unreadable) -> Structured:
    fault = f"the answer is broken: {words_of(str(error))}"
    return Structured(_first_caption(text) or text, fault=fault)


def _caption(value: Mapping[str, object]) -> str:
    caption = value.get("caption")
    return caption if isinstance(caption, str) and caption.strip() else ""


def _fault(value: Mapping[str, object], schema: AnswerSchema) -> str:
    if not _caption(value):
        return "the answer's caption is missing or empty"
    missing = [name for name in schema.fields if name not in value]
    return f"the answer lacks {', '.join(missing)}" if missing else ""


def _inner(text: str) -> dict[str, object] | None:
    """JSON object in a fence or between sentences; None when there is no whole one."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return None
    try:
        value = storable_value(parse_json(text[start : end + 1]))
    except Unreadable:
        return None
    return value if isinstance(value, dict) else None


def _first_caption(text: str) -> str:
    """Caption of an answer that was cut off later: it comes first, so it may be whole."""
    head, key, rest = text.partition('"caption"')
    value = rest.lstrip().removeprefix(":").lstrip()
    if not key or head.strip() != "{" or not value.startswith('"'):
        return ""
    try:
        caption, _ = json.JSONDecoder(strict=False).raw_decode(value)
    except ValueError:
        return ""
    return storable_text(caption).strip()


def _refuse(constant: str) -> object:
    raise ValueError(f"it holds {constant}")
