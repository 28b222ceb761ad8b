"""Validation errors as sentences: which file or option, which key, what to write instead."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.config.model import Config
from pipeline.config.origin import ValueOrigin
from pipeline.system.secrets import redact

_LONGEST_VALUE = 60
_SECRET = (("provider", "headers"), ("notify", "url"))
_KEY_WORDS = ("api_key", "apikey", "key", "token", "secret", "password")


def explain(error: ValidationError, source: ValueOrigin) -> str:
    """Explain a refused configuration, a line for each mistake."""
    matches = error.errors(include_url=False, include_context=False)
    return "\n".join(_sentence(mistake, source) for mistake in matches)


def _sentence(mistake: Mapping[str, Any], source: ValueOrigin) -> str:
    where = tuple(mistake["loc"])
    origin = source.of(".".join(str(part) for part in where))
    message = str(mistake["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if not where:
        return f"{source.path}: {message}"  # about several keys together, which the message names
    if mistake["type"] == "extra_forbidden":
        return f"{origin}: {_named(where)} is not a known key; {_known(where)}"
    if mistake["type"] == "missing":
        return f"{origin}: {_named(where)} is missing"
    shown = _shown(where, mistake["input"])
    needs = "" if mistake["type"] == "value_error" else "it should be "
    return f"{origin}: {_named(where)}{shown}: {needs}{message}"


def _named(where: Sequence[object]) -> str:
    *sections, key = [str(part) for part in where]
    return f"[{'.'.join(sections)}] {key}" if sections else key


def _shown(where: Sequence[object], value: object) -> str:
    if where[:2] in _SECRET or isinstance(value, (dict, list)):
        return ""
    if str(where[-1]).endswith("url"):
        return ""  # an address that is refused may hold a password or a token
    text = redact(repr(str(value) if not isinstance(value, (str, int)) else value), ())
    return f" = {text}" if len(text) <= _LONGEST_VALUE else f" = {text[:_LONGEST_VALUE]}..."


def _known(where: Sequence[object]) -> str:
    """Suggest what may have been meant."""
    key = str(where[-1])
    if where[0] == "provider" and key.lower() in _KEY_WORDS:
        return "keys stay out of configurations: use key_env or key_file"
    homes = [name for name in Config.model_fields if key in _keys_of((name,))]
    if homes:
        return f"it belongs into [{homes[0]}]"
    names = _keys_of(where[:-1])
    close = difflib.get_close_matches(key, names, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known are: {', '.join(names)}"


def _keys_of(where: Sequence[object]) -> list[str]:
    """Keys of the table at `where`."""
    model: type[BaseModel] | None = Config
    for part in where:
        fields = model.model_fields if model else {}
        field = next((f for n, f in fields.items() if part in (n, f.alias)), None)
        model = _model_in(field.annotation) if field else model
    keys = [field.alias or name for name, field in model.model_fields.items()] if model else []
    return keys + [f"{key}_file" for key in ("system", "user", "schema") if key in keys]


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Table's model in `Model`, `Model | None` or `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    matches = (_model_in(part) for part in typing.get_args(annotation))
    return next((model for model in matches if model), None)
