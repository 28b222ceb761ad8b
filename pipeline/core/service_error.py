"""Errors inside a body, in any of the shapes that services give it.

{"error": {"message", "type", "code"}} (OpenAI), {"error": "..."}, {"error": {"error": ...}},
{"object": "error", "message"} (vLLM), {"type": "error", "error"} (Anthropic), {"detail": ...}
(FastAPI), {"code", "message"} (SiliconFlow), {"errors": [...]}, and a list of one (Gemini).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from pipeline.core.service_words import (
    ANSWER_MEMBERS,
    CODE_MEMBERS,
    DETAIL_MEMBER,
    EMPTY_WORDS,
    ERROR_MEMBERS,
    INNER_MEMBERS,
    MESSAGE_MEMBERS,
)

_DEPTH = 4
_LONGEST = 2_000


class ErrorWords(Struct, frozen=True):
    """Service's own words: `code` (or its type, "" for none) and `message`."""

    code: str
    message: str


def error_in(body: object) -> ErrorWords | None:
    """Error that a JSON body holds, None when it holds none."""
    if isinstance(body, list):
        return next((words for one in body[:1] if (words := error_in(one))), None)
    if not isinstance(body, dict):
        return None
    for name in ERROR_MEMBERS:
        if not _is_empty(body.get(name)):
            return _words(body[name])
    if body.get("object") == "error" or body.get("type") == "error":
        return _words(body)
    if any(isinstance(body.get(name), list | dict) for name in ANSWER_MEMBERS):
        return None
    if body.get(DETAIL_MEMBER):
        return _words(body[DETAIL_MEMBER])
    for name in MESSAGE_MEMBERS:
        if isinstance(body.get(name), str):
            return _words(body)
    return None


def _words(value: object, depth: int = 0) -> ErrorWords:
    if isinstance(value, str):
        return ErrorWords("", value[:_LONGEST])
    if isinstance(value, list) and value and depth < _DEPTH:
        return _words(value[0], depth + 1)
    if not isinstance(value, dict):
        return ErrorWords("", _as_json(value))
    code = _code(value)
    for name in INNER_MEMBERS:
        inner = value.get(name)
        if isinstance(inner, str) and inner:
            return ErrorWords(code, inner[:_LONGEST])
        if isinstance(inner, dict | list) and inner and depth < _DEPTH:
            deeper = _words(inner, depth + 1)
            return ErrorWords(deeper.code or code, deeper.message)
    return ErrorWords(code, "" if code else _as_json(value))


def _is_empty(value: object, depth: int = 0) -> bool:
    """Recognise an absent error, or one whose members are empty (OneAPI sends one each time)."""
    if isinstance(value, dict | list) and depth < _DEPTH:
        items = value.values() if isinstance(value, dict) else value
        return all(_is_empty(item, depth + 1) for item in items)
    return value.strip().lower() in EMPTY_WORDS if isinstance(value, str) else not value


def _as_json(value: object) -> str:
    try:
        return json.dumps(value)[:_LONGEST]
    except RecursionError:
        return "an error that is nested too deeply"


def _code(value: Mapping[str, Any]) -> str:
    for name in CODE_MEMBERS:
        code = value.get(name)
        if isinstance(code, bool) or code in (None, "", "error"):
            continue
        if isinstance(code, str | int):
            return str(code)
    return ""
